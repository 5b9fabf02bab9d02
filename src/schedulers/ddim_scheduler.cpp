#include "omr/schedulers/ddim_scheduler.h"

#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {

DDIMScheduler::DDIMScheduler(const SchedulerConfig& config, int steps, double eta)
    : config_(config),
      eta_(eta),
      alphas_cumprod_(schedulers::alphas_cumprod(config)),
      timesteps_(spaced_timesteps(config, steps)) {
  stride_ = config.num_train_timesteps / steps;
  for (double& timestep : timesteps_) timestep = std::nearbyint(timestep);
}

at::Tensor DDIMScheduler::add_noise(const at::Tensor& original, const at::Tensor& noise,
                                    std::size_t index) const {
  const double alpha_bar = alphas_cumprod_.at(static_cast<std::size_t>(timesteps_.at(index)));
  return std::sqrt(alpha_bar) * original + std::sqrt(1 - alpha_bar) * noise;
}

StepOutput DDIMScheduler::step(const at::Tensor& model_output, std::size_t index,
                               const at::Tensor& sample, std::optional<at::Generator> generator) {
  const auto timestep = static_cast<std::int64_t>(timesteps_.at(index));
  const std::int64_t previous = timestep - stride_;
  const double alpha_bar = alphas_cumprod_.at(static_cast<std::size_t>(timestep));
  const double alpha_bar_prev = previous >= 0 ? alphas_cumprod_[static_cast<std::size_t>(previous)]
                                : config_.set_alpha_to_one ? 1.0
                                                           : alphas_cumprod_[0];
  const Prediction prediction = to_x0_and_epsilon(config_.prediction_type, model_output, sample,
                                                  std::sqrt(alpha_bar), std::sqrt(1 - alpha_bar));
  const at::Tensor x0 = threshold_sample(config_, prediction.original_sample);

  const double variance = (1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev);
  const double std = eta_ * std::sqrt(std::max(variance, 0.0));
  const double direction = std::sqrt(std::max(1 - alpha_bar_prev - std * std, 0.0));
  const at::Tensor mean = std::sqrt(alpha_bar_prev) * x0 + direction * prediction.epsilon;
  if (std == 0) return {mean, x0, mean, 0};
  const at::Tensor noise =
      at::randn(sample.sizes(), generator, at::TensorOptions().dtype(at::kFloat));
  return {mean + std * noise.to(sample.device()), x0, mean, std};
}

}  // namespace omr::schedulers
