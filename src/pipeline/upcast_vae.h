#pragma once

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/nn/execution.h"

namespace omr::pipeline {

// The VAE computes in fp32 from here on (diffusers' upcast_vae); `execution` says so.
void upcast_vae(diffusion::AutoencoderKL& vae, nn::ExecutionOptions& execution);

}  // namespace omr::pipeline
