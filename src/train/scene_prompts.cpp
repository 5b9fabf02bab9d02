#include "omr/train/scene_prompts.h"

#include <algorithm>
#include <utility>

#include "omr/scenes/captions.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/judge.h"
#include "omr/scenes/random.h"
#include "omr/scenes/sampling.h"
#include "omr/scenes/scene_edit.h"

namespace omr::train {

DialoguePrompt ScenePrompts::prompt(std::uint64_t index) const {
  // Apart from the scenes that SceneSource makes of the same seed.
  constexpr std::uint64_t kDialogues = 0x6469616c6f67;
  scenes::Random random(settings_.seed ^ kDialogues, index);
  const int last =
      static_cast<int>(random.below(static_cast<std::size_t>(std::max(settings_.rounds, 1))));
  scenes::Scene scene = scenes::sample_scene(random);
  DialoguePrompt out;
  out.prompt = scenes::caption(scene);
  for (; out.round < last; ++out.round) {
    scenes::SceneEdit edit = scenes::edit(scene, random);
    out.earlier.push_back(std::exchange(out.prompt, edit.caption));
    if (out.round + 1 == last) out.kept = scenes::draw_scene(scene, settings_.size);
    scene = std::move(edit.scene);
  }
  return out;
}

std::optional<Judgement> ScenePrompts::judge(std::uint64_t index, const Image& picture) const {
  const scenes::Comparison comparison =
      scenes::compare(scenes::read_caption(prompt(index).prompt), scenes::judge(picture));
  return Judgement{comparison.right(), comparison.total()};
}

io::Json ScenePrompts::description() const {
  return {{"prompts", "scenes"},
          {"prompts_seed", settings_.seed},
          {"prompts_size", settings_.size},
          {"prompts_count", settings_.prompts},
          {"prompts_rounds", settings_.rounds}};
}

}  // namespace omr::train
