// Noised latents of captioned pictures and the model's error on them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "omr/train/diffusion_loss.h"
#include "omr/train/image_text_source.h"
#include "omr/train/sample_random.h"

#include "train/latent_cache.h"
#include "train/lora_objective.h"

namespace omr::train {

class DenoisingSamples {
 public:
  // Pictures are encoded once, into `cache`.
  DenoisingSamples(const LoraRun& run, const ImageTextSource& source,
                   const std::filesystem::path& cache);

  // Weighted squared errors of the samples at these positions, [B], as the models stand. Dropout,
  // timestep and noise of each are drawn by its position.
  at::Tensor losses(const std::vector<std::uint64_t>& positions, Purpose purpose,
                    double caption_dropout);

 private:
  const LoraRun& run_;
  const ImageTextSource& source_;
  TrainingNoise noise_;
  DataOrder order_;
  LatentCache latents_;
};

// Scaled latents drawn from the encoder's distribution with `draws`, as the UNet sees them.
at::Tensor sample_latents(DiffusionModels& models, const diffusion::DiagonalGaussian& posterior,
                          const at::Tensor& draws);

}  // namespace omr::train
