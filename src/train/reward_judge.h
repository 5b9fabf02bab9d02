// Rewards of pictures drawn for prompts, by the frozen reward model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "omr/io/safetensors.h"
#include "omr/reward/reward_model.h"
#include "omr/train/lora_trainer.h"
#include "omr/train/prompt_source.h"
#include "omr/train/total_reward.h"

namespace omr::train {

class RewardJudge {
 public:
  // Throws as RewardModel::open does.
  RewardJudge(const RewardSettings& settings, c10::Device device);

  // pictures[i] was drawn for prompts[i]; pictures of one group are candidates of one round.
  RewardTermTensors judge(const std::vector<DialoguePrompt>& prompts,
                          const std::vector<std::uint64_t>& groups,
                          const std::vector<Image>& pictures);
  // The same of pixels [B, 3, H, W] in [-1, 1], with gradient.
  RewardTermTensors judge(const std::vector<DialoguePrompt>& prompts,
                          const std::vector<std::uint64_t>& groups, const at::Tensor& pixels);
  // The reward that the run raises, [B].
  const at::Tensor& chosen(const RewardTermTensors& terms) const {
    return pick(terms, settings_.kind);
  }

  // Takes mean and spread of every reward without a reference from these pictures.
  bool has_references() const;
  void measure(const std::vector<DialoguePrompt>& prompts, const std::vector<std::uint64_t>& groups,
               const std::vector<Image>& pictures);

  io::NamedTensors state() const;
  void load_state(const io::NamedTensors& state);

 private:
  RewardInputs inputs_of(const std::vector<DialoguePrompt>& prompts,
                         const std::vector<std::uint64_t>& groups);
  RewardInputs inputs_of(const std::vector<DialoguePrompt>& prompts,
                         const std::vector<std::uint64_t>& groups,
                         const std::vector<Image>& pictures);
  at::Tensor text(const std::string& text);  // [D]

  RewardSettings settings_;
  const session::RewardSchedule& schedule_;
  reward::RewardModel model_;
  c10::Device device_;
  std::map<std::string, at::Tensor> texts_;  // embedded before
};

}  // namespace omr::train
