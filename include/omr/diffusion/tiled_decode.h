// The VAE's decoder tile by tile: less memory for a slightly different picture (diffusers
// models/autoencoders/autoencoder_kl.py, tiled_decode).
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "omr/diffusion/autoencoder_kl.h"

namespace omr::diffusion {

// As AutoencoderKL::decode, in square tiles of `tile` latents (at least 4) of which a quarter
// overlaps the next and is blended over. Each tile has group norms of its own: tones may shift a
// little between tiles. Latents that fit one tile are decoded whole.
at::Tensor tiled_decode(AutoencoderKL& vae, const at::Tensor& latents, std::int64_t tile);

}  // namespace omr::diffusion
