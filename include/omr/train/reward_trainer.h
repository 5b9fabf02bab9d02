// Trains a reward model on judged pairs: QLoRA (arXiv 2305.14314) on a CLIP dual tower in NF4, LoRA
// on a dense one, or all of its weights.
#pragma once

#include <filesystem>

#include <ATen/core/ScalarType.h>

#include "omr/train/lora_parameters.h"
#include "omr/train/preference_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

enum class RewardMethod { bradley_terry, dpo };  // see preference_loss.h

struct RewardTrainingSettings {
  LoopSettings loop;
  // A folder of transformers' CLIPModel with its tokenizer and preprocessor_config.json. An adapter
  // that it holds is not put on.
  std::filesystem::path model;
  bool full = false;         // train every weight, no adapter
  bool quantize_nf4 = true;  // the base under the adapter
  LoraSettings lora{8, 16, {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}, {}};
  RewardMethod method = RewardMethod::bradley_terry;
  double beta = 1.0;  // of DPO, whose reference is the model with its adapter off
  std::int64_t held_out_pairs = 256;
  at::ScalarType output_dtype = at::kFloat;  // of a model trained in full
};

// Leaves `reward/` in the run's folder: a whole model, or the base's weights with the learnt
// logit_scale and `adapter/`, as PEFT saves it. Throws as load_clip_model, LoraParameters and
// run_training do, Error(usage) for DPO without an adapter.
void train_reward(const RewardTrainingSettings& settings, const PreferenceSource& source,
                  const PreferenceSource& held_out, ProcessGroup& processes,
                  const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
