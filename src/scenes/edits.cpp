#include "omr/scenes/edits.h"

#include <algorithm>

namespace omr::scenes {
namespace {

Size one_up(Size size) { return size == Size::small ? Size::medium : Size::large; }
Size one_down(Size size) { return size == Size::large ? Size::medium : Size::small; }

void add(Description& description, const ObjectDescription& object) {
  for (ObjectDescription& known : description.objects) {
    if (known.shape != object.shape || known.colour != object.colour) continue;
    if (object.place) known.place = object.place;
    if (object.size != Size::medium) known.size = object.size;
    return;
  }
  description.objects.push_back(object);
}

void change(ObjectDescription& object, const Edit& edit) {
  switch (edit.kind) {
    case EditKind::colour:
      object.colour = edit.value.colour;
      break;
    case EditKind::size:
      object.size = edit.value.size;
      break;
    case EditKind::bigger:
      object.size = one_up(object.size);
      break;
    case EditKind::smaller:
      object.size = one_down(object.size);
      break;
    case EditKind::shape:
      object.shape = edit.value.shape;
      break;
    case EditKind::place:
      object.place = edit.value.place;
      break;
    case EditKind::background:
    case EditKind::add:
    case EditKind::remove:
    case EditKind::praise:
      break;
  }
}

}  // namespace

std::vector<std::size_t> survivors(const Description& description, std::span<const Edit> edits) {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < description.objects.size(); ++i) {
    const bool removed = std::any_of(edits.begin(), edits.end(), [&](const Edit& edit) {
      return edit.kind == EditKind::remove && edit.object == i;
    });
    if (!removed) left.push_back(i);
  }
  return left;
}

Description apply_edits(const Description& description, std::span<const Edit> edits) {
  Description changed = description;
  for (const Edit& edit : edits) {
    if (edit.kind == EditKind::background) changed.background = edit.background;
    if (edit.object < changed.objects.size()) change(changed.objects[edit.object], edit);
  }
  Description result;
  result.background = changed.background;
  for (std::size_t i : survivors(description, edits)) result.objects.push_back(changed.objects[i]);
  for (const Edit& edit : edits) {
    if (edit.kind == EditKind::add) add(result, edit.value);
  }
  return result;
}

std::string change_in_words(const Description& description, std::span<const Edit> edits) {
  const Description result = apply_edits(description, edits);
  const std::vector<std::size_t> kept = survivors(description, edits);
  std::string out;
  const auto say = [&](const std::string& change) { out += (out.empty() ? "" : "; ") + change; };
  for (std::size_t i = 0; i < description.objects.size(); ++i) {
    const std::string before = caption(description.objects[i]);
    const auto found = std::find(kept.begin(), kept.end(), i);
    if (found == kept.end()) {
      say("remove " + before);
      continue;
    }
    const ObjectDescription& object =
        result.objects[static_cast<std::size_t>(found - kept.begin())];
    if (object != description.objects[i]) say(before + " to " + caption(object));
  }
  for (std::size_t i = kept.size(); i < result.objects.size(); ++i)
    say("add " + caption(result.objects[i]));
  if (result.background && result.background != description.background)
    say("the background to " + std::string(word_of(*result.background)));
  return out.empty() ? "nothing" : out;
}

}  // namespace omr::scenes
