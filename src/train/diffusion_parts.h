// Checks that the parts of a diffusion model can be trained together.
#pragma once

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/text/clip_text_model.h"

namespace omr::train {

// Throws Error(usage) for a size in pixels that the VAE cannot take.
void check_size(const diffusion::AutoencoderKLConfig& vae, int width, int height);

// Throws Error(usage) for a size in pixels that the VAE cannot take, Error(mismatch) when latents
// or embeddings are not as wide as the UNet expects.
void check_parts(const diffusion::AutoencoderKLConfig& vae,
                 const diffusion::UNet2DConditionConfig& unet,
                 const text::CLIPTextConfig& text_encoder, int width, int height);

}  // namespace omr::train
