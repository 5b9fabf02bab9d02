#include "omr/schedulers/pndm_scheduler.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

constexpr std::size_t kPndmOrder = 4;

SchedulerConfig pndm_keys(SchedulerConfig config) {
  config.rescale_betas_zero_snr = false;
  return config;
}

std::vector<double> pndm_timesteps(const SchedulerConfig& config, int steps) {
  std::vector<double> spaced = spaced_timesteps(config, steps);
  for (double& timestep : spaced) timestep = std::nearbyint(timestep);
  if (config.skip_prk_steps) {
    if (spaced.size() > 1) spaced.insert(spaced.begin() + 1, spaced[1]);
    return spaced;
  }
  if (spaced.size() < kPndmOrder) {
    throw Error(ErrorKind::usage, "pndm needs at least 4 steps, got " + std::to_string(steps) +
                                      " (its Runge-Kutta start is on: skip_prk_steps is false)");
  }
  // Each of the three Runge-Kutta steps looks at its start, twice at its middle, and at its end.
  const auto half = static_cast<double>(config.num_train_timesteps / steps / 2);
  std::vector<double> out;
  for (std::size_t i = 0; i + 1 < kPndmOrder; ++i) {
    const double middle = spaced[i + 1] + half;
    out.insert(out.end(), {spaced[i], middle, middle, spaced[i + 1]});
  }
  out.insert(out.end(), spaced.begin() + 3, spaced.end());
  return out;
}

}  // namespace

PNDMScheduler::PNDMScheduler(const SchedulerConfig& config, int steps)
    : VariancePreservingScheduler(pndm_keys(config), pndm_timesteps(config, steps)),
      stride_(config.num_train_timesteps / steps),
      runge_kutta_calls_(config.skip_prk_steps ? 0 : (kPndmOrder - 1) * 4) {}

StepOutput PNDMScheduler::step(const at::Tensor& model_output, std::size_t index,
                               const at::Tensor& sample, const Generators&) {
  const double here = alpha_bar(timestep(index));
  const at::Tensor x0 = to_x0_and_epsilon(config_.prediction_type, model_output, sample,
                                          std::sqrt(here), std::sqrt(1 - here))
                            .original_sample;
  const at::Tensor prev_sample = counter_ < runge_kutta_calls_
                                     ? runge_kutta(model_output, index, sample)
                                     : multistep(model_output, index, sample);
  ++counter_;
  return {prev_sample, x0, prev_sample, 0};
}

at::Tensor PNDMScheduler::runge_kutta(const at::Tensor& model_output, std::size_t index,
                                      const at::Tensor& sample) {
  static constexpr std::array<double, 4> kWeights = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
  const std::size_t stage = counter_ % 4;
  const std::int64_t previous = timestep(index) - (counter_ % 2 == 1 ? 0 : stride_ / 2);
  const at::Tensor weighted = kWeights[stage] * model_output;
  sum_ = stage == 0 ? weighted : sum_ + weighted;
  if (stage == 0) {
    outputs_.push_front(model_output);
    first_sample_ = sample;
  }
  return transfer(first_sample_, timestep(counter_ / 4 * 4), previous,
                  stage == 3 ? sum_ : model_output);
}

at::Tensor PNDMScheduler::multistep(const at::Tensor& model_output, std::size_t index,
                                    const at::Tensor& sample) {
  std::int64_t from = timestep(index), to = from - stride_;
  at::Tensor start = sample;
  if (counter_ == 1) {
    // The first step again, now with the mean of the outputs at both its ends.
    to = from;
    from += stride_;
  } else {
    if (counter_ == 0) first_sample_ = sample;
    outputs_.push_front(model_output);
    if (outputs_.size() > kPndmOrder) outputs_.pop_back();
  }
  const auto& e = outputs_;
  at::Tensor mixed;
  if (counter_ == 1) {
    mixed = (model_output + e[0]) / 2;
    start = first_sample_;
  } else if (e.size() == 1) {
    mixed = model_output;
  } else if (e.size() == 2) {
    mixed = (3 * e[0] - e[1]) / 2;
  } else if (e.size() == 3) {
    mixed = (23 * e[0] - 16 * e[1] + 5 * e[2]) / 12;
  } else {
    mixed = (55 * e[0] - 59 * e[1] + 37 * e[2] - 9 * e[3]) / 24;
  }
  return transfer(start, from, to, mixed);
}

at::Tensor PNDMScheduler::transfer(const at::Tensor& sample, std::int64_t t, std::int64_t previous,
                                   const at::Tensor& model_output) const {
  const double here = alpha_bar(t), there = alpha_bar(previous);
  const at::Tensor epsilon = to_x0_and_epsilon(config_.prediction_type, model_output, sample,
                                               std::sqrt(here), std::sqrt(1 - here))
                                 .epsilon;
  const double divisor = here * std::sqrt(1 - there) + std::sqrt(here * (1 - here) * there);
  return std::sqrt(there / here) * sample - (there - here) / divisor * epsilon;
}

}  // namespace omr::schedulers
