#include "scenes/object_reference.h"

#include <optional>
#include <string_view>

namespace omr::scenes {
namespace {

struct Reference {
  std::optional<Shape> shape;
  std::optional<Colour> colour;
  std::optional<Place> place;

  // Nothing unsaid may be what is meant: "the red one" is no name where a colour is unsaid.
  bool may_fit(const ObjectDescription& object) const {
    return (!shape || object.shape == *shape) &&
           (!colour || !object.colour || object.colour == colour) &&
           (!place || !object.place || object.place == place);
  }

  std::string text() const {
    std::string words = "the ";
    if (colour) words.append(word_of(*colour)) += ' ';
    words.append(shape ? word_of(*shape) : "one");
    if (place) (words += ' ').append(phrase_of(*place));
    return words;
  }
};

bool tells_apart(const Reference& reference, const Description& description, std::size_t index) {
  for (std::size_t i = 0; i < description.objects.size(); ++i) {
    if (i != index && reference.may_fit(description.objects[i])) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string> names_of(const Description& before, const Edit& edit,
                                  const Description& later, std::size_t later_index) {
  const ObjectDescription& object = before.objects[edit.object];
  const bool shape_sought = edit.kind == EditKind::shape && edit.value.shape == object.shape;
  const bool colour_sought = edit.kind == EditKind::colour && edit.value.colour == object.colour;
  const bool place_sought = edit.kind == EditKind::place && edit.value.place == object.place;
  std::vector<std::string> names;
  const auto offer = [&](const Reference& reference, int times) {
    if ((reference.shape && shape_sought) || (reference.colour && colour_sought) ||
        (reference.place && place_sought)) {
      return;
    }
    if (!tells_apart(reference, before, edit.object) ||
        !tells_apart(reference, later, later_index)) {
      return;
    }
    names.insert(names.end(), static_cast<std::size_t>(times), reference.text());
  };
  if (before.objects.size() == 1 && later.objects.size() == 1) {
    names.insert(names.end(), 6, "it");
  }
  offer({object.shape, {}, {}}, 8);
  if (object.colour) {
    offer({object.shape, object.colour, {}}, 5);
    offer({{}, object.colour, {}}, 2);
  }
  if (object.place) {
    offer({{}, {}, object.place}, 1);
    offer({object.shape, {}, object.place}, 1);
  }
  return names;
}

}  // namespace omr::scenes
