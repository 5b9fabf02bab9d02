#include "omr/schedulers/ddim_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {

DDIMScheduler::DDIMScheduler(const SchedulerConfig& config, int steps, double eta)
    : VariancePreservingScheduler(config, spaced_timesteps(config, steps)),
      etas_(timesteps().size(), eta),
      stride_(config.num_train_timesteps / steps) {}

DDIMScheduler::DDIMScheduler(const SchedulerConfig& config, const std::vector<double>& etas)
    : DDIMScheduler(config, static_cast<int>(etas.size())) {
  etas_ = etas;
}

StepOutput DDIMScheduler::step(const at::Tensor& model_output, std::size_t index,
                               const at::Tensor& sample, const Generators& generators) {
  const double here = alpha_bar(timestep(index));
  const double there = alpha_bar(timestep(index) - stride_);
  const Prediction prediction = to_x0_and_epsilon(config_.prediction_type, model_output, sample,
                                                  std::sqrt(here), std::sqrt(1 - here));
  const at::Tensor x0 = threshold_sample(config_, prediction.original_sample);

  const double variance = (1 - there) / (1 - here) * (1 - here / there);
  const double std = etas_.at(index) * std::sqrt(std::max(variance, 0.0));
  const double direction = std::sqrt(std::max(1 - there - std * std, 0.0));
  const at::Tensor mean = std::sqrt(there) * x0 + direction * prediction.epsilon;
  if (std == 0) return {mean, x0, mean, 0};
  return {mean + std * draw_noise(sample, generators), x0, mean, std};
}

}  // namespace omr::schedulers
