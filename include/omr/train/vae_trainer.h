// Trains an AutoencoderKL: reconstruction and KL.
#pragma once

#include <filesystem>

#include <ATen/core/ScalarType.h>

#include "omr/train/autoencoder_loss.h"
#include "omr/train/image_text_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

class ProcessGroup;

struct VaeSettings {
  LoopSettings loop;
  std::filesystem::path model;  // folder with config.json, and weights unless from_nothing
  bool from_nothing = false;
  int width = 0;  // pixels of the training pictures; multiples of the VAE's downscale
  int height = 0;
  // The encoder stays: latents made with it, and denoisers trained on them, stay valid.
  bool decoder_only = false;
  // Noise on the latents that the decoder sees, so that it forgives a denoiser's errors: each
  // sample's deviation is drawn from [0, latent_noise], in deviations of the latents.
  double latent_noise = 0;
  AutoencoderLossWeights weights;
  double object_weight = 1.0;  // of pixels that differ from a plain background, see object_weights
  at::ScalarType output_dtype = at::kFloat;
};

// Leaves `vae/` in the run's folder. From nothing, its scaling_factor is measured: 1 / the
// deviation of the latents of 256 pictures (arXiv 2112.10752, §D.1). Throws as load_vae and
// run_training do.
void train_vae(const VaeSettings& settings, const ImageTextSource& source,
               const ImageTextSource& held_out, ProcessGroup& processes,
               const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
