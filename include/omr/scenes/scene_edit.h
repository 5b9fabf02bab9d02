// What the models of the loop learn from: edited scenes, refiner records, hard negatives.
#pragma once

#include <cstdint>
#include <string>

#include "omr/scenes/edits.h"
#include "omr/scenes/scene.h"

namespace omr::scenes {

struct SceneEdit {
  std::string feedback;
  Scene scene;          // what the edits leave alone stays where it is, as far as there is room
  std::string caption;  // of the new scene, nothing left out but the place of an object added so
};

// Throws Error(usage) for a scene without objects.
SceneEdit edit(const Scene& scene, Random& random, const EditOptions& options = {});

struct RefinerRecord {
  std::string prompt;
  std::string feedback;
  std::string refined;  // what the prompt leaves unsaid stays so, unless the feedback names it
  std::string change;   // from prompt to refined: change_in_words()
};

// What prompts of records leave out: users begin with little.
inline constexpr CaptionOptions kPromptOptions = {0.4, 0.3, 0.0, 0.4};

// Record `index` of the endless source `seed`.
RefinerRecord refiner_record(std::uint64_t seed, std::uint64_t index,
                             const EditOptions& options = {});

// A scene and what is said of it: describe(scene, …).
struct SaidScene {
  Scene scene;
  Description said;
};

// What can be wrong in a picture. Objects keep apart; what stays, jitter included, stays as far as
// there is room. All throw Error(usage) for a scene without objects.

// Exactly one attribute changed, one that is said: a shape, colour, size or place of one object, or
// the background.
SaidScene hard_negative(const SaidScene& before, Random& random);
Scene hard_negative(const Scene& scene, Random& random);  // that says all

// One object too many, which often has the shape or the colour of another, or one too few.
Scene miscounted(const Scene& scene, Random& random);

}  // namespace omr::scenes
