// Looks at held-out prompts while a LoRA is trained: what the reward sees, what it does not see,
// and when the two part company.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "omr/train/training_loop.h"

#include "train/lora_objective.h"
#include "train/lora_samples.h"

namespace omr::train {

class LoraLooks {
 public:
  LoraLooks(const LoraRun& run, LoraObjective& objective);

  // With the parameters that the result would have. The first one looks at the base too, whose
  // metrics are logged as base_….
  Evaluation look();

  // Puts the weights of the best look back, if the run keeps them (patience): of the looks that
  // what the reward does not see allows, the one with the highest reward.
  void restore_best();

  io::NamedTensors state() const;
  void load_state(const io::NamedTensors& state);

 private:
  using Metrics = std::map<std::string, double>;
  Metrics measure(std::vector<std::pair<std::string, Image>>* pictures);
  // The metric that guards the run: higher is better; worse by `tolerance` is not yet worse.
  struct Guard {
    double value = 0;
    double tolerance = 0;
    std::string name;
  };
  Guard guard(const Metrics& metrics) const;
  std::string watch(const Metrics& metrics);
  void keep();  // the present weights as the best

  LoraRun run_;
  LoraObjective& objective_;
  const PromptSource* prompts_ = nullptr;
  std::unique_ptr<PromptSource> captions_;  // where the held-out pictures' captions serve
  std::unique_ptr<LoraSamples> pictures_;
  Metrics base_;
  std::optional<double> best_guard_, best_reward_;
  std::int64_t worse_in_a_row_ = 0;
  io::NamedTensors best_;
};

}  // namespace omr::train
