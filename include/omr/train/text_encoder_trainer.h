// Trains a text encoder before its UNet: with a LayoutDecoder on top, which is thrown away
// afterwards, it learns which words belong together ("a red star at the top and a blue house on the
// left") in a small part of the time that the noisy gradients of a UNet need.
#pragma once

#include <filesystem>

#include <ATen/core/ScalarType.h>

#include "omr/train/image_text_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

struct TextEncoderSettings {
  LoopSettings loop;
  std::filesystem::path text_encoder;  // folder with config.json, and weights unless from_nothing
  bool from_nothing = false;
  std::filesystem::path vae, tokenizer;  // folders of a model
  int width = 0;                         // pixels; multiples of the VAE's downscale
  int height = 0;
  at::ScalarType output_dtype = at::kFloat;
};

// Leaves `text_encoder/` in the run's folder. The loss is the mean squared error of the latents'
// means. Throws as the loaders and run_training do, Error(usage) for an impossible size.
void train_text_encoder(const TextEncoderSettings& settings, const ImageTextSource& source,
                        const ImageTextSource& held_out, ProcessGroup& processes,
                        const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
