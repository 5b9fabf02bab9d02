#include "omr/train/scene_preferences.h"

#include <utility>

#include "omr/scenes/drawing.h"
#include "omr/scenes/sampling.h"
#include "omr/scenes/scene_edit.h"

namespace omr::train {

PreferencePair ScenePreferences::pair(std::uint64_t index) const {
  scenes::Random random(seed_, index);
  const scenes::Description right =
      scenes::describe(scenes::sample_scene(random), captions_, random);
  const scenes::Description wrong = scenes::hard_negative(right, random);
  // With one seed, what the captions leave unsaid falls out alike in both pictures.
  const std::uint64_t unsaid = random.next();
  PreferencePair out;
  out.prompt = scenes::caption(right);
  out.image_0 = scenes::draw_scene(scenes::scene_of(right, unsaid), size_);
  out.image_1 = scenes::draw_scene(scenes::scene_of(wrong, unsaid), size_);
  if (random.chance(0.5)) {
    std::swap(out.image_0, out.image_1);
    out.label_0 = 0;
  }
  return out;
}

io::Json ScenePreferences::description() const {
  return {{"data", "scenes, pairs"}, {"scenes_seed", seed_}, {"scenes_size", size_}};
}

}  // namespace omr::train
