#include "omr/schedulers/lms_discrete_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace omr::schedulers {
namespace {

constexpr std::size_t kLmsOrder = 4;

SchedulerConfig lms_keys(SchedulerConfig config) {
  config.rescale_betas_zero_snr = false;
  config.final_sigmas_type = FinalSigmas::zero;
  return config;
}

}  // namespace

LMSDiscreteScheduler::LMSDiscreteScheduler(const SchedulerConfig& config, int steps)
    : VarianceExplodingScheduler(lms_keys(config), steps) {}

double LMSDiscreteScheduler::coefficient(std::size_t order, std::size_t index,
                                         std::size_t k) const {
  const auto basis = [&](double tau) {
    double product = 1;
    for (std::size_t j = 0; j < order; ++j) {
      if (j != k) {
        product *= (tau - sigmas_.at(index - j)) / (sigmas_.at(index - k) - sigmas_.at(index - j));
      }
    }
    return product;
  };
  // Gauss–Legendre with two nodes is exact for cubics.
  const double from = sigmas_.at(index), to = sigmas_.at(index + 1);
  const double middle = (from + to) / 2, half = (to - from) / 2, offset = half / std::sqrt(3.0);
  return half * (basis(middle - offset) + basis(middle + offset));
}

StepOutput LMSDiscreteScheduler::step(const at::Tensor& model_output, std::size_t index,
                                      const at::Tensor& sample, const Generators&) {
  const double sigma = sigmas_.at(index);
  const at::Tensor x0 = to_x0(model_output, sample, sigma);
  derivatives_.push_front((sample - x0) / sigma);
  if (derivatives_.size() > kLmsOrder) derivatives_.pop_back();
  // A run that enters in the middle has the order of its place in the schedule, not of its history.
  const std::size_t order = std::min(index + 1, kLmsOrder);
  at::Tensor prev_sample = sample;
  for (std::size_t k = 0; k < std::min(order, derivatives_.size()); ++k) {
    prev_sample = prev_sample + coefficient(order, index, k) * derivatives_[k];
  }
  return {prev_sample, x0, prev_sample, 0};
}

}  // namespace omr::schedulers
