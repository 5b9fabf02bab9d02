// An autoencoder against a discriminator, with hinge losses (Esser et al., arXiv 2012.09841, §3.1;
// CompVis/taming-transformers, taming/modules/losses/vqperceptual.py).
#pragma once

#include <ATen/core/Tensor.h>

#include "omr/train/patch_discriminator.h"

namespace omr::train {

struct AdversarialLoss {
  // -mean D(reconstruction): the autoencoder's. No gradient reaches the discriminator.
  at::Tensor generator;
  // (mean relu(1 - D(pixels)) + mean relu(1 + D(reconstruction))) / 2: the discriminator's. No
  // gradient reaches the autoencoder.
  at::Tensor discriminator;
};

// reconstruction and pixels [B, 3, H, W], from PatchDiscriminator::smallest_size() on. Scalars.
AdversarialLoss adversarial_loss(PatchDiscriminator& discriminator,
                                 const at::Tensor& reconstruction, const at::Tensor& pixels);

// How much the generator's loss counts for its gradient at the decoder's last layer to weigh what
// the reconstruction's does: |d reconstruction_loss| / (|d generator_loss| + 1e-4), in [0, 1e4]. A
// scalar without gradient. The graphs of both losses stay.
at::Tensor adaptive_weight(const at::Tensor& reconstruction_loss, const at::Tensor& generator_loss,
                           const at::Tensor& last_layer);

}  // namespace omr::train
