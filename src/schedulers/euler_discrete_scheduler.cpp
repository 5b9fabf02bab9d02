#include "omr/schedulers/euler_discrete_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {

EulerDiscreteScheduler::EulerDiscreteScheduler(const SchedulerConfig& config, int steps)
    : config_(config), timesteps_(spaced_timesteps(config, steps)) {
  std::vector<double> alpha_bar = alphas_cumprod(config);
  // With zero terminal SNR the first σ would be infinite; fp16's smallest subnormal stands in.
  if (config.rescale_betas_zero_snr) alpha_bar.back() = std::ldexp(1.0, -24);
  const std::vector<double> all = schedulers::sigmas_of(alpha_bar);
  for (double timestep : timesteps_) sigmas_.push_back(interpolate(all, timestep));
  if (config.use_karras_sigmas) {
    sigmas_ = karras_sigmas(sigmas_.back(), sigmas_.front(), static_cast<int>(sigmas_.size()));
    for (std::size_t i = 0; i < sigmas_.size(); ++i)
      timesteps_[i] = sigma_to_timestep(all, sigmas_[i]);
  }
  sigmas_.push_back(config.final_sigmas_type == FinalSigmas::zero ? 0.0 : all.front());
}

double EulerDiscreteScheduler::init_noise_sigma() const {
  const double largest = *std::max_element(sigmas_.begin(), sigmas_.end());
  return config_.timestep_spacing == TimestepSpacing::leading ? std::sqrt(largest * largest + 1)
                                                              : largest;
}

at::Tensor EulerDiscreteScheduler::scale_model_input(const at::Tensor& sample,
                                                     std::size_t index) const {
  const double sigma = sigmas_.at(index);
  return sample / std::sqrt(sigma * sigma + 1);
}

at::Tensor EulerDiscreteScheduler::add_noise(const at::Tensor& original, const at::Tensor& noise,
                                             std::size_t index) const {
  return original + sigmas_.at(index) * noise;
}

StepOutput EulerDiscreteScheduler::step(const at::Tensor& model_output, std::size_t index,
                                        const at::Tensor& sample, std::optional<at::Generator>) {
  const double sigma = sigmas_.at(index), next = sigmas_.at(index + 1);
  // In these coordinates the sample is x0 + σ·epsilon: divided by sqrt(σ²+1) it is the usual mix.
  const double scale = std::sqrt(sigma * sigma + 1);
  const Prediction prediction = to_x0_and_epsilon(config_.prediction_type, model_output,
                                                  sample / scale, 1 / scale, sigma / scale);
  const at::Tensor& x0 = prediction.original_sample;
  const at::Tensor derivative = (sample - x0) / sigma;
  const at::Tensor prev_sample = sample + derivative * (next - sigma);
  return {prev_sample, x0, prev_sample, 0};
}

}  // namespace omr::schedulers
