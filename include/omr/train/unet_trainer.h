// Trains the denoiser, alone or with the text encoder, on latents of a frozen autoencoder.
#pragma once

#include <filesystem>
#include <string>

#include <ATen/core/ScalarType.h>

#include "omr/train/diffusion_loss.h"
#include "omr/train/image_text_source.h"
#include "omr/train/timestep_bias.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

struct UNetSettings {
  LoopSettings loop;
  std::filesystem::path unet;  // folder with config.json, and weights unless from_nothing
  bool from_nothing = false;
  std::filesystem::path vae, text_encoder, tokenizer, scheduler;  // folders of a model
  bool train_text_encoder = false;
  bool text_encoder_from_nothing = false;
  double text_encoder_lr_factor = 0.6;
  int width = 0;  // pixels; multiples of the VAE's downscale
  int height = 0;
  double snr_gamma = 5.0;  // arXiv 2303.09556; 0: every timestep weighs the same
  TimestepBias timestep_bias;
  ObjectWeights object_weights;
  double caption_dropout = 0.1;  // share of empty captions, for classifier-free guidance
  std::int64_t samples = 4;      // pictures drawn at each look
  int sample_steps = 20;
  double sample_guidance_scale = 4.0;
  at::ScalarType output_dtype = at::kFloat;
};

// Leaves `unet/`, and `text_encoder/` when it was trained, in the run's folder. Throws as the
// loaders and run_training do, Error(usage) for an impossible size.
void train_unet(const UNetSettings& settings, const ImageTextSource& source,
                const ImageTextSource& held_out, ProcessGroup& processes,
                const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
