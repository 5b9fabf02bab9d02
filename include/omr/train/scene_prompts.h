// Dialogues of the scenes world: a caption, then edits of it in later rounds, each with the picture
// of the scene before as the one that was kept.
#pragma once

#include <cstdint>

#include "omr/scenes/scene.h"
#include "omr/train/prompt_source.h"

namespace omr::train {

struct ScenePromptSettings {
  std::uint64_t seed = 0;
  int size = 128;             // pixels a side of the kept pictures
  std::uint64_t prompts = 0;  // 0: no end; else the first so many
  int rounds = 4;             // each as likely as any other
};

class ScenePrompts : public PromptSource {
 public:
  explicit ScenePrompts(const ScenePromptSettings& settings) : settings_(settings) {}
  std::uint64_t size() const override { return settings_.prompts; }
  DialoguePrompt prompt(std::uint64_t index) const override;
  bool has_earlier_pictures() const override { return settings_.rounds > 1; }
  // By the pixel judge, against what the prompt says.
  std::optional<Judgement> judge(std::uint64_t index, const Image& picture) const override;
  io::Json description() const override;

 private:
  ScenePromptSettings settings_;
};

}  // namespace omr::train
