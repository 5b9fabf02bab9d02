#include "omr/scenes/captions.h"

#include <cstddef>

namespace omr::scenes {

Description describe(const Scene& scene) {
  Description description;
  for (const Object& object : scene.objects) {
    description.objects.push_back({object.shape, object.colour, object.size, object.place});
  }
  description.background = scene.background;
  return description;
}

Description describe(const Scene& scene, const CaptionOptions& options, Random& random) {
  Description description = describe(scene);
  for (ObjectDescription& object : description.objects) {
    if (random.chance(options.leave_out_place)) object.place.reset();
    if (random.chance(options.leave_out_size)) object.size = Size::medium;
    if (random.chance(options.leave_out_colour)) object.colour.reset();
  }
  if (random.chance(options.leave_out_background)) description.background.reset();
  return description;
}

bool has_twins(const Description& description) {
  for (std::size_t i = 0; i < description.objects.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (description.objects[i].shape == description.objects[j].shape &&
          description.objects[i].colour == description.objects[j].colour) {
        return true;
      }
    }
  }
  return false;
}

std::string caption(const ObjectDescription& object) {
  std::string text = "a ";
  if (object.size != Size::medium) text.append(word_of(object.size)) += ' ';
  if (object.colour) text.append(word_of(*object.colour)) += ' ';
  text += word_of(object.shape);
  if (object.place) (text += ' ').append(phrase_of(*object.place));
  return text;
}

std::string caption(const Description& description) {
  std::string text;
  const std::size_t count = description.objects.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += i + 1 == count ? " and " : ", ";
    text += caption(description.objects[i]);
  }
  if (description.background) {
    text += text.empty() ? "a " : " on a ";
    text.append(word_of(*description.background)) += " background";
  }
  return text;
}

std::string caption(const Scene& scene) { return caption(describe(scene)); }

std::string caption(const Scene& scene, const CaptionOptions& options, Random& random) {
  return caption(describe(scene, options, random));
}

}  // namespace omr::scenes
