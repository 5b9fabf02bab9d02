#include "omr/scenes/scene_edit.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "omr/core/error.h"
#include "omr/scenes/feedback.h"
#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

constexpr int kEditTries = 200;  // of edits; nearly every one finds room

// The scene after the edits; nullopt when its objects find no room.
std::optional<Scene> edited(const Scene& scene, const std::vector<Edit>& edits, Random& random) {
  const Description before = describe(scene);
  const Description after = apply_edits(before, edits);
  const std::vector<std::size_t> kept = survivors(before, edits);
  Scene result;
  result.background = after.background.value();
  for (std::size_t i = 0; i < after.objects.size(); ++i) {
    const ObjectDescription& said = after.objects[i];
    Object object;
    if (i < kept.size()) object = scene.objects[kept[i]];
    const bool moves = i >= kept.size() || said.place != object.place || said.size != object.size;
    object.shape = said.shape;
    object.colour = said.colour.value();
    object.size = said.size;
    object.place = said.place ? *said.place : random.pick(kPlaces);
    if (moves) object.center = sample_center(object.place, object.size, random);
    result.objects.push_back(object);
  }
  if (!make_room(result, 0, random)) return std::nullopt;
  return result;
}

void check_has_objects(bool has_objects) {
  if (!has_objects) throw Error(ErrorKind::usage, "a scene without objects cannot be edited");
}

}  // namespace

SceneEdit edit(const Scene& scene, Random& random, const EditOptions& options) {
  check_has_objects(!scene.objects.empty());
  const Description before = describe(scene);
  for (int tries = 0; tries < kEditTries; ++tries) {
    const std::vector<Edit> edits = sample_edits(before, random, options);
    std::optional<Scene> after = edited(scene, edits, random);
    if (!after) continue;
    return {feedback(before, edits, random), std::move(*after),
            caption(apply_edits(before, edits))};
  }
  return {liking(random), scene, caption(scene)};
}

RefinerRecord refiner_record(std::uint64_t seed, std::uint64_t index, const EditOptions& options) {
  Random random(seed, index);
  const Description before = describe(sample_scene(random), kPromptOptions, random);
  const std::vector<Edit> edits = sample_edits(before, random, options);
  return {caption(before), feedback(before, edits, random), caption(apply_edits(before, edits)),
          change_in_words(before, edits)};
}

SaidScene hard_negative(const SaidScene& before, Random& random) {
  check_has_objects(!before.said.objects.empty());
  while (true) {
    const std::vector<Edit> change = {sample_change(before.said, random)};
    Description said = apply_edits(before.said, change);
    if (has_twins(said) || has_twins(apply_edits(describe(before.scene), change))) continue;
    if (std::optional<Scene> scene = edited(before.scene, change, random))
      return {std::move(*scene), std::move(said)};
  }
}

Scene hard_negative(const Scene& scene, Random& random) {
  return hard_negative({scene, describe(scene)}, random).scene;
}

Scene miscounted(const Scene& scene, Random& random) {
  check_has_objects(!scene.objects.empty());
  while (true) {
    const std::vector<Edit> change = {sample_miscount(describe(scene), random)};
    if (std::optional<Scene> other = edited(scene, change, random)) return *std::move(other);
  }
}

}  // namespace omr::scenes
