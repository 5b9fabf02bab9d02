// Which edits are drawn by lot, and how often.
#include <algorithm>
#include <array>

#include "omr/core/error.h"
#include "omr/scenes/edits.h"
#include "omr/scenes/feedback.h"
#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

constexpr int kEditDraws = 1000;  // nine of ten draws are kept

// Each kind as often as it stands here.
constexpr std::array kKinds = {
    EditKind::colour,     EditKind::colour,     EditKind::colour, EditKind::size,
    EditKind::size,       EditKind::bigger,     EditKind::bigger, EditKind::smaller,
    EditKind::smaller,    EditKind::shape,      EditKind::shape,  EditKind::shape,
    EditKind::place,      EditKind::place,      EditKind::place,  EditKind::background,
    EditKind::background, EditKind::background, EditKind::add,    EditKind::add,
    EditKind::add,        EditKind::remove,     EditKind::remove, EditKind::praise};

ObjectDescription sample_object(Random& random) {
  ObjectDescription object{random.pick(kShapes), random.pick(kColours), random.pick(kSizes), {}};
  if (random.chance(0.75)) object.place = random.pick(kPlaces);
  return object;
}

Edit sample_edit(const Description& description, Random& random) {
  Edit edit;
  edit.kind = random.pick(kKinds);
  edit.value = sample_object(random);
  edit.background = random.pick(kBackgrounds);
  const bool of_object = edit.kind != EditKind::background && edit.kind != EditKind::add &&
                         edit.kind != EditKind::praise;
  if (of_object) edit.object = random.below(description.objects.size());
  if (edit.kind == EditKind::place) edit.value.place = random.pick(kPlaces);
  return edit;
}

// An edit that asks for what is so.
Edit sample_restated(const Description& description, Random& random) {
  Edit edit = sample_edit(description, random);
  if (edit.kind == EditKind::background) {
    edit.background = description.background.value_or(edit.background);
  } else if (edit.kind == EditKind::remove) {
    edit.object = kNoObject;
  } else if (edit.kind == EditKind::add) {
    const std::optional<Place> place = edit.value.place;
    edit.value = random.pick(description.objects);
    if (!random.chance(0.7)) edit.value.place = place;
  } else if (edit.object != kNoObject) {
    const std::optional<Place> place = edit.value.place;
    edit.value = description.objects[edit.object];
    if (edit.kind == EditKind::place && !edit.value.place) edit.value.place = place;
  }
  return edit;
}

// Whether the words for what shall be removed would name an object that is there.
bool names_another(const Description& description, const Edit& edit) {
  return std::any_of(description.objects.begin(), description.objects.end(),
                     [&](const ObjectDescription& object) {
                       return object.shape == edit.value.shape &&
                              (!object.colour || object.colour == edit.value.colour);
                     });
}

// Two edits in one sentence: not of the same kind on the same thing, none of what the other
// removes.
bool go_together(const Edit& a, const Edit& b) {
  if (a.kind == EditKind::praise || b.kind == EditKind::praise) return false;
  if (a.object != b.object) return true;
  if (a.object == kNoObject) return a.kind != b.kind;
  const auto resizes = [](const Edit& edit) {
    return edit.kind == EditKind::size || edit.kind == EditKind::bigger ||
           edit.kind == EditKind::smaller;
  };
  return a.kind != b.kind && a.kind != EditKind::remove && b.kind != EditKind::remove &&
         !(resizes(a) && resizes(b));
}

bool is_sensible(const Description& before, const std::vector<Edit>& edits,
                 const EditOptions& options) {
  for (const Edit& edit : edits) {
    if (!can_be_told(before, edit)) return false;
    if (edit.kind == EditKind::remove && edit.object == kNoObject && names_another(before, edit)) {
      return false;
    }
  }
  if (edits.size() == 2 && !go_together(edits[0], edits[1])) return false;
  const Description after = apply_edits(before, edits);
  return !after.objects.empty() &&
         after.objects.size() <= static_cast<std::size_t>(options.max_objects) &&
         !has_twins(after) && fits(after);
}

bool changes_nothing(const Description& before, const Edit& edit) {
  return apply_edits(before, std::span(&edit, 1)) == before;
}

// Another one than `value`.
template <class Values, class Value>
Value other(const Values& values, Value value, Random& random) {
  while (true) {
    const Value drawn = random.pick(values);
    if (drawn != value) return drawn;
  }
}

}  // namespace

Edit sample_change(const Description& description, Random& random) {
  static constexpr std::array kinds = {EditKind::shape, EditKind::colour, EditKind::size,
                                       EditKind::place, EditKind::background};
  while (true) {
    Edit edit;
    edit.kind = random.pick(kinds);
    edit.object = random.below(description.objects.size());
    const ObjectDescription& object = description.objects[edit.object];
    if (edit.kind == EditKind::background) {
      if (!description.background) continue;
      edit.object = kNoObject;
      edit.background = other(kBackgrounds, *description.background, random);
    }
    if (edit.kind == EditKind::shape) edit.value.shape = other(kShapes, object.shape, random);
    if (edit.kind == EditKind::size) edit.value.size = other(kSizes, object.size, random);
    if (edit.kind == EditKind::colour) {
      if (!object.colour) continue;
      edit.value.colour = other(kColours, *object.colour, random);
    }
    if (edit.kind == EditKind::place) {
      if (!object.place) continue;
      edit.value.place = other(kPlaces, *object.place, random);
    }
    return edit;
  }
}

Edit sample_miscount(const Description& description, Random& random) {
  const std::vector<ObjectDescription>& objects = description.objects;
  Edit edit;
  if (objects.size() > 1 && random.chance(0.5)) {
    edit.kind = EditKind::remove;
    edit.object = random.below(objects.size());
    return edit;
  }
  edit.kind = EditKind::add;
  do {
    edit.value = sample_object(random);
    const ObjectDescription& other = random.pick(objects);
    if (random.chance(0.25)) edit.value.shape = other.shape;
    if (random.chance(0.25)) edit.value.colour = other.colour.value_or(*edit.value.colour);
    // Adding one that is there would change that one.
  } while (apply_edits(description, std::span(&edit, 1)).objects.size() == objects.size());
  return edit;
}

std::vector<Edit> sample_edits(const Description& description, Random& random,
                               const EditOptions& options) {
  if (description.objects.empty()) {
    throw Error(ErrorKind::usage, "a description without objects cannot be edited");
  }
  for (int tries = 0; tries < kEditDraws; ++tries) {
    std::vector<Edit> edits;
    const std::size_t count = random.chance(options.two_at_once) ? 2 : 1;
    while (edits.size() < count) {
      if (random.chance(options.restated)) {
        edits.push_back(sample_restated(description, random));
        continue;
      }
      const Edit edit = sample_edit(description, random);
      if (edit.kind == EditKind::praise || !changes_nothing(description, edit)) {
        edits.push_back(edit);
      }
    }
    if (is_sensible(description, edits, options)) return edits;
  }
  // Only of a description that has no room or twins itself.
  return {Edit{}};
}

}  // namespace omr::scenes
