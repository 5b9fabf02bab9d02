#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/diffusion/tiled_decode.h"
#include "omr/nn/memory.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

#include "pipeline/upcast_vae.h"

namespace omr::pipeline {
namespace {

// Latents along a tile's side: below this a tile is mostly overlap.
constexpr std::int64_t kSmallestTile = 8;

}  // namespace

std::int64_t StableDiffusionPipeline::vae_tile() const {
  // diffusers' tile_latent_min_size.
  const auto& config = vae_->config();
  return std::max<std::int64_t>(4, config.sample_size / config.downscale());
}

std::vector<Image> StableDiffusionPipeline::decode_at_once(const at::Tensor& latents,
                                                           std::int64_t tile) {
  const auto& config = vae_->config();
  for (;;) {
    const at::Tensor unscaled =
        (latents.to(vae_execution_.device) / config.scaling_factor + config.shift_factor)
            .to(vae_execution_.dtype);
    const at::Tensor pixels =
        tile > 0 ? diffusion::tiled_decode(vae_, unscaled, tile) : vae_->decode(unscaled);
    if (at::isfinite(pixels).all().item<bool>()) return to_images(pixels);
    if (vae_execution_.dtype != at::kHalf) {
      throw Error(ErrorKind::resource,
                  "the VAE's numbers overflowed (NaN): run with --dtype fp32, or check the model's "
                  "weights");
    }
    log::warn("the VAE's numbers overflowed (NaN) in fp16: it runs in fp32 from here on");
    upcast_vae(vae_, vae_execution_);
  }
}

std::vector<Image> StableDiffusionPipeline::decode(const at::Tensor& latents) {
  const at::InferenceMode inference;
  use("vae");
  std::int64_t tile = vae_tiling_ ? vae_tile() : 0;  // 0: whole pictures
  std::int64_t count = latents.size(0);
  std::vector<Image> out;
  for (std::int64_t first = 0; first < latents.size(0);) {
    count = std::min(count, latents.size(0) - first);
    std::vector<Image> images;
    if (nn::fits_in_memory(
            [&] { images = decode_at_once(latents.narrow(0, first, count), tile); })) {
      std::move(images.begin(), images.end(), std::back_inserter(out));
      first += count;
      continue;
    }
    // Fewer pictures at once give the same ones; smaller tiles do not quite.
    if (count > 1) {
      count = (count + 1) / 2;
      continue;
    }
    const std::int64_t side = std::max(latents.size(2), latents.size(3));
    tile = tile > 0 ? tile / 2 : std::min(vae_tile(), side / 2);
    if (tile < kSmallestTile) {
      nn::throw_out_of_memory(
          "the picture cannot be decoded, not even in tiles; try a smaller --size");
    }
    log::warn("memory ran out for the VAE: decoding in tiles of " +
              std::to_string(tile * vae_->config().downscale()) + " pixels");
  }
  return out;
}

}  // namespace omr::pipeline
