// Reconstruction and KL of an autoencoder (arXiv 2112.10752, §3.1; its adversarial term is
// adversarial_loss.h's).
#pragma once

#include <ATen/core/Tensor.h>

#include "omr/diffusion/autoencoder_kl.h"

namespace omr::train {

struct AutoencoderLossWeights {
  double l1 = 1.0;
  double l2 = 1.0;
  double kl = 1e-4;
  double perceptual = 1.0;  // where there is a perceptual distance
};

struct AutoencoderLoss {
  at::Tensor total;           // scalar
  at::Tensor reconstruction;  // the total without KL: what a discriminator is balanced against
  at::Tensor l1, l2;          // weighted means over each picture's pixels, then over pictures
  at::Tensor perceptual;      // mean over pictures; undefined without a distance
  at::Tensor kl;  // mean over the latents' elements, so that its weight does not depend on the size
};

// reconstruction and pixels [B, 3, H, W]; pixel_weights [B, 1, H, W] or undefined (all 1): the
// errors of a picture are averaged with its weights. perceptual_distance [B] of each picture from
// its reconstruction, or undefined.
AutoencoderLoss autoencoder_loss(const at::Tensor& reconstruction, const at::Tensor& pixels,
                                 const diffusion::DiagonalGaussian& posterior,
                                 const at::Tensor& pixel_weights,
                                 const AutoencoderLossWeights& weights,
                                 const at::Tensor& perceptual_distance = {});

}  // namespace omr::train
