// Noised latents of captioned pictures: what a denoiser is trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "omr/train/diffusion_loss.h"
#include "omr/train/image_text_source.h"
#include "omr/train/sample_random.h"
#include "omr/train/timestep_bias.h"
#include "omr/train/training_loop.h"

#include "train/latent_cache.h"

namespace omr::train {

struct DenoisingBatch {
  std::vector<std::string> captions;  // some of them dropped: empty
  at::Tensor timesteps;               // [B]
  at::Tensor noisy;                   // [B, C, h, w]: what the UNet is given
  at::Tensor target;                  // what it is to predict
  at::Tensor weights;                 // [B], of the loss
  at::Tensor objects;                 // see EncodedPictures
  at::Tensor signal_share;            // [B], see TrainingNoise
};

struct DenoisingSettings {
  std::uint64_t seed = 0;
  int width = 0, height = 0;  // pixels
  double snr_gamma = 0;
  TimestepBias timestep_bias = {};
};

class DenoisingSamples {
 public:
  // Pictures are encoded once, into `cache`; the observer is told how far that is.
  DenoisingSamples(const DenoisingSettings& settings, diffusion::AutoencoderKL vae,
                   const schedulers::SchedulerConfig& schedule, const ImageTextSource& source,
                   const std::filesystem::path& cache, c10::Device device,
                   const LoopObserver& observer, const Cancellation& cancellation);

  // The samples at these positions. Dropout, timestep, noise and the encoder's sample of each are
  // drawn from a generator of its position.
  DenoisingBatch draw(const std::vector<std::uint64_t>& positions, Purpose purpose,
                      double caption_dropout);

 private:
  DenoisingSettings settings_;
  diffusion::AutoencoderKL vae_;
  const ImageTextSource& source_;
  c10::Device device_;
  TrainingNoise noise_;
  DataOrder order_;
  LatentCache latents_;
};

// Scaled latents drawn from the encoder's distribution with `draws`, as the UNet sees them.
at::Tensor sample_latents(const diffusion::AutoencoderKLConfig& vae,
                          const diffusion::DiagonalGaussian& posterior, const at::Tensor& draws);

}  // namespace omr::train
