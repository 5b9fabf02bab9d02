#include "omr/schedulers/variance_exploding_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

// σ as diffusers keeps it. Where the noise is a function of σ, the last bit counts.
double narrow(double value) { return static_cast<float>(value); }

}  // namespace

VarianceExplodingScheduler::VarianceExplodingScheduler(const SchedulerConfig& config, int steps)
    : config_(config), timesteps_(spaced_timesteps(config, steps)) {
  std::vector<double> alpha_bar = alphas_cumprod(config);
  // With zero terminal SNR the first σ would be infinite; fp16's smallest subnormal stands in.
  if (config.rescale_betas_zero_snr) alpha_bar.back() = std::ldexp(1.0, -24);
  all_sigmas_ = schedulers::sigmas_of(alpha_bar);
  for (double timestep : timesteps_) sigmas_.push_back(interpolate(all_sigmas_, timestep));
  if (config.use_karras_sigmas) {
    sigmas_ = karras_sigmas(sigmas_.back(), sigmas_.front(), static_cast<int>(sigmas_.size()));
    for (std::size_t i = 0; i < sigmas_.size(); ++i) {
      timesteps_[i] = sigma_to_timestep(all_sigmas_, sigmas_[i]);
    }
  }
  for (double& sigma : sigmas_) sigma = narrow(sigma);
  sigmas_.push_back(config.final_sigmas_type == FinalSigmas::zero ? 0.0 : all_sigmas_.front());
}

double VarianceExplodingScheduler::init_noise_sigma() const {
  const double largest = *std::max_element(sigmas_.begin(), sigmas_.end());
  return config_.timestep_spacing == TimestepSpacing::leading ? std::sqrt(largest * largest + 1)
                                                              : largest;
}

at::Tensor VarianceExplodingScheduler::scale_model_input(const at::Tensor& sample,
                                                         std::size_t index) const {
  const double sigma = sigmas_.at(index);
  return sample / std::sqrt(sigma * sigma + 1);
}

at::Tensor VarianceExplodingScheduler::add_noise(const at::Tensor& original,
                                                 const at::Tensor& noise, std::size_t index) const {
  return original + sigmas_.at(index) * noise;
}

at::Tensor VarianceExplodingScheduler::to_x0(const at::Tensor& model_output,
                                             const at::Tensor& sample, double sigma) const {
  // Divided by √(σ² + 1) the sample is the usual mix of variance 1.
  const double scale = std::sqrt(sigma * sigma + 1);
  return to_x0_and_epsilon(config_.prediction_type, model_output, sample / scale, 1 / scale,
                           sigma / scale)
      .original_sample;
}

}  // namespace omr::schedulers
