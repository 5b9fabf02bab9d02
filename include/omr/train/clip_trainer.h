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
  // Folder of a CLIPTextModel whose layers the text tower begins with, where it begins from
  // nothing; it may have more layers, which stay as drawn. Empty: none.
  std::filesystem::path text_encoder;
  // Factor on the contrast of fine_grained_similarity, word by patch; 0: none. A contrast of pooled
  // features leaves alone for long what no single patch shows, such as places.
  double fine_grained_weight = 0;
  // Factor on the errors of thumbnails that one linear map, thrown away after the run, reads from
  // either tower's pooled feature; 0: none. What stands where is then learnt by each tower alone.
  // In the contrast each waits for the other: what one leaves out teaches the other nothing.
  double layout_weight = 0;
  at::ScalarType output_dtype = at::kFloat;
};

// From nothing, positions begin as sinusoids (sinusoidal_positions), the rest as transformers draws
// it. Leaves `reward/` in the run's folder. Hard negatives whose pictures the source has are
// samples like the others: a batch of B pictures is then a contrast of 2B. Pictures are contrasted
// within one backward pass: neither accumulation nor more processes make the contrast larger.
// Throws as load_clip_model and run_training do, and Error(mismatch) when the text encoder does not
// fit the tower.
void train_clip(const ClipSettings& settings, const ImageTextSource& source,
                const ImageTextSource& held_out, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
