#include "omr/train/scene_preferences.h"

#include <utility>

#include "omr/scenes/drawing.h"
#include "omr/scenes/sampling.h"
#include "omr/scenes/scene_edit.h"

namespace omr::train {

PreferencePair ScenePreferences::pair(std::uint64_t index) const {
  scenes::Random random(seed_, index);
  const scenes::Scene scene = scenes::sample_scene(random);
  const scenes::SaidScene right = {scene, scenes::describe(scene, captions_, random)};
  const scenes::SaidScene wrong = scenes::hard_negative(right, random);
  PreferencePair out;
  out.prompt = scenes::caption(right.said);
  out.image_0 = scenes::draw_scene(right.scene, size_);
  out.image_1 = scenes::draw_scene(wrong.scene, size_);
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
