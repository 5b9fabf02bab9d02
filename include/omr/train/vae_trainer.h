// Trains an AutoencoderKL: reconstruction and KL, and on request a perceptual distance and a
// discriminator.
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
  double object_weight = 1.0;   // of pixels that differ from a plain background, see object_weights
  std::filesystem::path lpips;  // file as reward::load_lpips takes it; empty: none, and
                                // weights.perceptual says nothing
  // Of the discriminator's judgement, on top of the balance that adaptive_weight() keeps; 0: there
  // is no discriminator.
  double adversarial_weight = 0;
  std::int64_t adversarial_start = 0;  // step from which on there is one
  at::ScalarType output_dtype = at::kFloat;
};

// Leaves `vae/` in the run's folder. From nothing, its scaling_factor is measured: 1 / the
// deviation of the latents of 256 pictures (arXiv 2112.10752, §D.1). The discriminator is trained
// at the autoencoder's rate, on the same samples and in the same update, and is left in the
// checkpoints only. Throws as load_vae, load_lpips and run_training do; Error(usage) for pictures
// too small for LPIPS or the discriminator, and for a discriminator with fp16, which loses the
// gradients that are balanced.
void train_vae(const VaeSettings& settings, const ImageTextSource& source,
               const ImageTextSource& held_out, ProcessGroup& processes,
               const LoopObserver& observer, const Cancellation& cancellation);

}  // namespace omr::train
