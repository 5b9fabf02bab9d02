#include "omr/schedulers/variance_preserving_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {

VariancePreservingScheduler::VariancePreservingScheduler(const SchedulerConfig& config,
                                                         std::vector<double> timesteps)
    : config_(config), alphas_cumprod_(alphas_cumprod(config)), timesteps_(std::move(timesteps)) {
  for (double& timestep : timesteps_) timestep = std::nearbyint(timestep);
}

double VariancePreservingScheduler::alpha_bar(std::int64_t timestep) const {
  if (timestep < 0) return config_.set_alpha_to_one ? 1.0 : alphas_cumprod_.front();
  return alphas_cumprod_[std::min(static_cast<std::size_t>(timestep), alphas_cumprod_.size() - 1)];
}

at::Tensor VariancePreservingScheduler::add_noise(const at::Tensor& original,
                                                  const at::Tensor& noise,
                                                  std::size_t index) const {
  const double level = alpha_bar(timestep(index));
  return std::sqrt(level) * original + std::sqrt(1 - level) * noise;
}

}  // namespace omr::schedulers
