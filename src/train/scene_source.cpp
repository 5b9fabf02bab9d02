#include "omr/train/scene_source.h"

#include "omr/scenes/comparison.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/judge.h"
#include "omr/scenes/random.h"
#include "omr/scenes/sampling.h"
#include "omr/scenes/scene_edit.h"
#include "omr/train/sample_random.h"

namespace omr::train {
namespace {

// Streams of one seed: what is in the picture, and how it is said.
constexpr std::uint64_t kWords = 0x776f726473;

scenes::Scene dense_scene(scenes::Random& random) {
  constexpr int kLayers = 3;
  scenes::Scene out = scenes::sample_scene(random, {3, 3});
  for (int i = 1; i < kLayers; ++i) {
    const scenes::Scene more = scenes::sample_scene(random, {3, 3});
    out.objects.insert(out.objects.end(), more.objects.begin(), more.objects.end());
  }
  for (scenes::Object& object : out.objects)
    object.center = {random.uniform(0.1, 0.9), random.uniform(0.1, 0.9)};
  return out;
}

}  // namespace

scenes::Scene SceneSource::scene(std::uint64_t index) const {
  scenes::Random random(settings_.seed, index);
  return settings_.dense ? dense_scene(random) : scenes::sample_scene(random);
}

Image SceneSource::image(std::uint64_t index) const {
  return scenes::draw_scene(scene(index), settings_.size);
}

scenes::Random SceneSource::words(std::uint64_t index, std::uint64_t variant) const {
  return scenes::Random(mixed_seed(settings_.seed ^ kWords, Purpose::sample, variant), index);
}

scenes::Description SceneSource::said(std::uint64_t index, std::uint64_t variant) const {
  scenes::Random random = words(index, variant);
  return scenes::describe(scene(index), settings_.captions, random);
}

std::string SceneSource::text(std::uint64_t index, std::uint64_t variant) const {
  return scenes::caption(said(index, variant));
}

std::optional<Judgement> SceneSource::judge(std::uint64_t index, std::uint64_t variant,
                                            const Image& drawn) const {
  const scenes::Comparison comparison = scenes::compare(said(index, variant), scenes::judge(drawn));
  return Judgement{comparison.right(), comparison.total()};
}

// The scene and the caption that `text` gives, both with one of the things changed that it says.
std::optional<HardNegative> SceneSource::hard_negative(std::uint64_t index,
                                                       std::uint64_t variant) const {
  if (settings_.dense) return std::nullopt;  // crowded scenes have no room for a change
  scenes::Random random = words(index, variant);
  const scenes::Scene before = scene(index);
  const scenes::SaidScene changed =
      scenes::hard_negative({before, scenes::describe(before, settings_.captions, random)}, random);
  return HardNegative{scenes::caption(changed.said),
                      scenes::draw_scene(changed.scene, settings_.size)};
}

io::Json SceneSource::description() const {
  return {{"data", settings_.dense ? "scenes, dense" : "scenes"},
          {"scenes_seed", settings_.seed},
          {"scenes_size", settings_.size},
          {"scenes_pictures", settings_.pictures},
          {"scenes_places_unsaid", settings_.captions.leave_out_place},
          {"scenes_backgrounds_unsaid", settings_.captions.leave_out_background}};
}

}  // namespace omr::train
