// Captions: "a large red star at the top left and a small blue house on the right on a navy
// background"; with three objects "A, B and C on a … background". The article is "a" before every
// word ("a orange star"), as in the captions that the scenes pack was trained on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omr/scenes/random.h"
#include "omr/scenes/scene.h"

namespace omr::scenes {

// What a caption says of an object. The medium size is never said: a caption that leaves a size out
// and one of a medium object are the same.
struct ObjectDescription {
  Shape shape = Shape::circle;
  std::optional<Colour> colour = std::nullopt;
  Size size = Size::medium;
  std::optional<Place> place = std::nullopt;

  bool operator==(const ObjectDescription&) const = default;
};

struct Description {
  std::vector<ObjectDescription> objects;
  std::optional<Background> background;

  bool operator==(const Description&) const = default;
};

// Probabilities of leaving words out. As in the scenes pack's training.
struct CaptionOptions {
  double leave_out_place = 0.15;
  double leave_out_size = 0.0;
  double leave_out_colour = 0.0;
  double leave_out_background = 0.10;
};

// All of a scene, or with words left out by lot. Objects keep their order.
Description describe(const Scene& scene);
Description describe(const Scene& scene, const CaptionOptions& options, Random& random);

// Whether two objects have both shape and colour in common: words cannot tell them apart.
bool has_twins(const Description& description);

// "a large red star at the top left"
std::string caption(const ObjectDescription& object);
// A description of nothing but a background is "a navy background"; of nothing at all, "".
std::string caption(const Description& description);
std::string caption(const Scene& scene);
std::string caption(const Scene& scene, const CaptionOptions& options, Random& random);

// The description that a text gives, caption or not: what it does not understand is passed over, so
// that every prompt can be drawn. A later mention of an object of the same shape and colour
// overrides the earlier one. read_caption(caption(d)) == d.
Description read_caption(std::string_view text);

}  // namespace omr::scenes
