// Trains a CLIP dual tower, the reward model's base: pictures against captions and hard negatives.
#pragma once

#include <filesystem>

#include <ATen/core/ScalarType.h>

#include "omr/train/image_text_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

struct ClipSettings {
  LoopSettings loop;
  // Folder with config.json, preprocessor_config.json and the tokenizer's files, and weights unless
  // from_nothing.
  std::filesystem::path model;
  bool from_nothing = false;
  at::ScalarType output_dtype = at::kFloat;
};

// Leaves `reward/` in the run's folder. Pictures are contrasted within one backward pass: neither
// accumulation nor more processes make the contrast larger. Throws as load_clip_model and
// run_training do.
void train_clip(const ClipSettings& settings, const ImageTextSource& source,
                const ImageTextSource& held_out, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
