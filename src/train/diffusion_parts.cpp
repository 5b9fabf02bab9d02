#include "train/diffusion_parts.h"

#include <string>

#include "omr/core/error.h"

namespace omr::train {
namespace {

void fit(std::int64_t have, std::int64_t want, const std::string& what) {
  if (have == want) return;
  throw Error(ErrorKind::mismatch, what + ": " + std::to_string(have) + " against the UNet's " +
                                       std::to_string(want) + "; the parts do not belong together");
}

}  // namespace

void check_size(const diffusion::AutoencoderKLConfig& vae, int width, int height) {
  const std::int64_t multiple = vae.downscale();
  if (width < 1 || width % multiple != 0 || height < 1 || height % multiple != 0) {
    throw Error(ErrorKind::usage, "--size " + std::to_string(width) + "x" + std::to_string(height) +
                                      ": this VAE takes multiples of " + std::to_string(multiple));
  }
}

void check_parts(const diffusion::AutoencoderKLConfig& vae,
                 const diffusion::UNet2DConditionConfig& unet,
                 const text::CLIPTextConfig& text_encoder, int width, int height) {
  check_size(vae, width, height);
  fit(vae.latent_channels, unet.in_channels, "the VAE's latent channels");
  fit(text_encoder.encoder.hidden_size, unet.cross_attention_dim, "the text encoder's width");
}

}  // namespace omr::train
