// Pictures as the autoencoder sees them, encoded once and kept, and where their objects lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/cancellation.h"
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/train/image_text_source.h"
#include "omr/train/training_loop.h"

namespace omr::train {

struct EncodedPictures {
  diffusion::DiagonalGaussian moments;  // [B, latent_channels, h, w]
  at::Tensor objects;                   // see object_share, [B, 1, h, w]
};

// Tells the observer every tenth of the way.
std::function<void(std::int64_t, std::int64_t)> encoding_progress(const LoopObserver& observer);

// The encoder's moments of a source's pictures, fp32 on the CPU. An endless source is encoded anew
// for each batch.
class LatentCache {
 public:
  // Encodes all pictures at width x height, or reads what a run before left in `file` (of the same
  // pictures, size and autoencoder). `on_progress` is told how many of how many are done.
  LatentCache(diffusion::AutoencoderKL vae, const ImageTextSource& source, int width, int height,
              const std::filesystem::path& file,
              const std::function<void(std::int64_t, std::int64_t)>& on_progress,
              const Cancellation& cancellation);

  // These pictures, on the VAE's device.
  EncodedPictures pictures(const std::vector<std::uint64_t>& indices);

 private:
  EncodedPictures encode(const std::vector<std::uint64_t>& indices);

  diffusion::AutoencoderKL vae_;
  const ImageTextSource& source_;
  int width_, height_;
  at::Tensor moments_;  // [N, 2*latent_channels, h, w]; undefined for an endless source
  at::Tensor objects_;  // [N, 1, h, w]
};

}  // namespace omr::train
