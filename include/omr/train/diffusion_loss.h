// The denoising loss (Ho et al., arXiv 2006.11239, eq. 14; v-prediction: Salimans and Ho, arXiv
// 2202.00512, appendix D) with min-SNR-γ weights (Hang et al., arXiv 2303.09556, eq. 8), as
// diffusers' examples/text_to_image/train_text_to_image.py computes it. B batch; timesteps int64
// [B].
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "omr/schedulers/scheduler_config.h"

namespace omr::train {

// The noise schedule at training timesteps.
class TrainingNoise {
 public:
  // Throws Error(mismatch) for a prediction type that cannot be trained here.
  TrainingNoise(const schedulers::SchedulerConfig& config, c10::Device device);

  std::int64_t timesteps() const { return alphas_cumprod_.size(0); }
  // sqrt(ᾱ)·latents + sqrt(1 − ᾱ)·noise
  at::Tensor add_noise(const at::Tensor& latents, const at::Tensor& noise,
                       const at::Tensor& timesteps) const;
  // What the model is to predict: the noise, v = sqrt(ᾱ)·noise − sqrt(1 − ᾱ)·latents, or the
  // latents.
  at::Tensor target(const at::Tensor& latents, const at::Tensor& noise,
                    const at::Tensor& timesteps) const;
  // min(SNR, γ)/SNR for epsilon, /(SNR + 1) for v, min(SNR, γ) for the sample; ones when gamma is
  // 0.
  at::Tensor weights(const at::Tensor& timesteps, double gamma) const;

 private:
  at::Tensor alphas_cumprod_;  // fp32
  schedulers::PredictionType prediction_type_;
};

// Squared error of each sample, [B], fp32, times its weight. `cell_weights` [B, 1, h, w] says how
// much each cell of a sample counts in its mean; undefined: all the same.
at::Tensor diffusion_loss(const at::Tensor& prediction, const at::Tensor& target,
                          const at::Tensor& weights, const at::Tensor& cell_weights = {});

}  // namespace omr::train
