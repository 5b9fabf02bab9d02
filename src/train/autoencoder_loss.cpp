#include "omr/train/autoencoder_loss.h"

#include <ATen/ATen.h>

namespace omr::train {

AutoencoderLoss autoencoder_loss(const at::Tensor& reconstruction, const at::Tensor& pixels,
                                 const diffusion::DiagonalGaussian& posterior,
                                 const at::Tensor& pixel_weights,
                                 const AutoencoderLossWeights& weights,
                                 const at::Tensor& perceptual_distance) {
  const at::Tensor error = reconstruction.to(at::kFloat) - pixels;
  // Picture by picture, so that a batch in parts is the same batch.
  const auto mean = [&](const at::Tensor& x) {
    if (!pixel_weights.defined()) return x.mean();
    const at::Tensor weight = pixel_weights.sum({1, 2, 3}) * static_cast<double>(x.size(1));
    return ((x * pixel_weights).sum({1, 2, 3}) / weight).mean();
  };
  AutoencoderLoss out;
  out.l1 = mean(error.abs());
  out.l2 = mean(error.square());
  const at::Tensor mu = posterior.mean.to(at::kFloat), logvar = posterior.logvar.to(at::kFloat);
  out.kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean();
  out.reconstruction = weights.l1 * out.l1 + weights.l2 * out.l2;
  if (perceptual_distance.defined()) {
    out.perceptual = perceptual_distance.mean();
    out.reconstruction = out.reconstruction + weights.perceptual * out.perceptual;
  }
  out.total = out.reconstruction + weights.kl * out.kl;
  return out;
}

}  // namespace omr::train
