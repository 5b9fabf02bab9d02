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
  // ᾱ: the share of a noisy sample's variance that is the picture's, [B] in [0, 1].
  at::Tensor signal_share(const at::Tensor& timesteps) const;

 private:
  at::Tensor alphas_cumprod_;  // fp32
  schedulers::PredictionType prediction_type_;
};

// How much cells of objects count beside those of a plain background.
struct ObjectWeights {
  // Small things are learnt sooner; where it is open what a cell holds, its best prediction leans
  // to them.
  double whole = 1.0;
  // The same in as far as the noisy sample shows where they are: sharper shapes without that lean.
  double shown = 1.0;

  bool even() const { return whole == 1.0 && shown == 1.0; }
  // 1 + ((whole − 1) + (shown − 1)·signal_share)·objects, [B, 1, h, w], of shares of objects (see
  // object_share) and of signal [B].
  at::Tensor of_cells(const at::Tensor& objects, const at::Tensor& signal_share) const;
};

// Squared error of each sample, [B], fp32, times its weight. `cell_weights` [B, 1, h, w] says how
// much each cell of a sample counts in its mean; undefined: all the same.
at::Tensor diffusion_loss(const at::Tensor& prediction, const at::Tensor& target,
                          const at::Tensor& weights, const at::Tensor& cell_weights = {});

}  // namespace omr::train
