#include "omr/schedulers/ddpm_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

constexpr double kSmallestVariance = 1e-20;  // diffusers takes a logarithm of it

SchedulerConfig ddpm_keys(SchedulerConfig config) {
  config.set_alpha_to_one = true;
  return config;
}

}  // namespace

DDPMScheduler::DDPMScheduler(const SchedulerConfig& config, int steps)
    : VariancePreservingScheduler(ddpm_keys(config), spaced_timesteps(config, steps)) {}

StepOutput DDPMScheduler::step(const at::Tensor& model_output, std::size_t index,
                               const at::Tensor& sample, const Generators& generators) {
  const std::int64_t previous = index + 1 < timesteps().size() ? timestep(index + 1) : -1;
  const double here = alpha_bar(timestep(index)), there = alpha_bar(previous);
  const double alpha = here / there, beta = 1 - alpha;
  const at::Tensor x0 =
      threshold_sample(config_, to_x0_and_epsilon(config_.prediction_type, model_output, sample,
                                                  std::sqrt(here), std::sqrt(1 - here))
                                    .original_sample);
  const at::Tensor mean = std::sqrt(there) * beta / (1 - here) * x0 +
                          std::sqrt(alpha) * (1 - there) / (1 - here) * sample;
  if (timestep(index) <= 0) return {mean, x0, mean, 0};
  // fixed_small_log is the same variance computed by way of its logarithm.
  const double variance = config_.variance_type == VarianceType::fixed_large
                              ? beta
                              : std::max((1 - there) / (1 - here) * beta, kSmallestVariance);
  const double std = std::sqrt(variance);
  return {mean + std * draw_noise(sample, generators), x0, mean, std};
}

}  // namespace omr::schedulers
