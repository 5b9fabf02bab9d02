// Changes of a description, as a user asks for them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "omr/scenes/captions.h"
#include "omr/scenes/random.h"

namespace omr::scenes {

enum class EditKind {
  colour,
  size,
  bigger,
  smaller,
  shape,
  place,
  background,
  add,
  remove,
  praise
};

inline constexpr std::size_t kNoObject = static_cast<std::size_t>(-1);

struct Edit {
  EditKind kind = EditKind::praise;
  // Of the description before any edit. kNoObject: remove what is not there, named by `value`.
  std::size_t object = kNoObject;
  // What the object shall have (the one attribute of `kind`), or the object to add.
  ObjectDescription value;
  Background background = Background::white;
};

// All at once: every edit's object is counted in `description`. Bigger and smaller go one size up
// or down and stop at the ends. Adding an object of a shape and colour that are there changes that
// one: its place when one is said, its size when it is not medium. Praise changes nothing.
Description apply_edits(const Description& description, std::span<const Edit> edits);

// The objects of `description` that remain, by index; those behind them in the result are new.
std::vector<std::size_t> survivors(const Description& description, std::span<const Edit> edits);

// "a red star to a large red star; add a pink tree; remove a blue house; the background to navy":
// what the edits come to, each object as a caption says it; "nothing" when nothing changes.
std::string change_in_words(const Description& description, std::span<const Edit> edits);

struct EditOptions {
  double two_at_once = 0.3;  // probability
  double restated = 0.1;     // of asking for what is already said, or removing what is not there
  int max_objects = 3;       // of the result; at least one remains
};

// One or two edits drawn by lot, such that the result can be drawn without overlap and no two
// objects of it have both shape and colour in common.
std::vector<Edit> sample_edits(const Description& description, Random& random,
                               const EditOptions& options = {});

// Another value for one attribute that the description says, with no regard to room and twins. The
// description has objects.
Edit sample_change(const Description& description, Random& random);

// One object more, which half of the time shares its shape or its colour with another, or where
// there are two and more one less. The description has objects.
Edit sample_miscount(const Description& description, Random& random);

}  // namespace omr::scenes
