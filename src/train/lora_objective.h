// What a method of training a LoRA gives the run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "omr/train/lora_trainer.h"
#include "omr/train/training_loop.h"

namespace omr::train {

struct DiffusionModels;
class RewardJudge;

// What the methods share; everything outlives them.
struct LoraRun {
  const LoraTrainingSettings& settings;
  const LoraData& data;
  DiffusionModels& models;
  RewardJudge* judge;  // null for methods without a reward
  ProcessGroup& processes;
  const LoopObserver& observer;
  const Cancellation& cancellation;
};

class LoraObjective {
 public:
  virtual ~LoraObjective() = default;
  virtual std::int64_t passes() const { return 1; }
  virtual MicroLoss loss(const MicroBatch& batch) = 0;
  // Metrics of held-out data, beside those of pictures drawn.
  virtual std::map<std::string, double> look() { return {}; }
  // What must be the same when the run is resumed.
  virtual io::Json settings() const = 0;
  virtual io::NamedTensors state() const { return {}; }
  virtual void load_state(const io::NamedTensors& /*state*/) {}
};

std::unique_ptr<LoraObjective> make_sft(const LoraRun& run);
std::unique_ptr<LoraObjective> make_refl(const LoraRun& run);
std::unique_ptr<LoraObjective> make_ppo(const LoraRun& run);
std::unique_ptr<LoraObjective> make_dpo(const LoraRun& run);

}  // namespace omr::train
