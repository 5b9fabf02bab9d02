#include "omr/schedulers/lcm_scheduler.h"

#include <cmath>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

constexpr double kSigmaData = 0.5;

// Evenly spaced places in the schedule that the model was distilled on; timestep_spacing has no
// say.
std::vector<double> distilled_timesteps(const SchedulerConfig& config, int steps) {
  const std::int64_t original = config.original_inference_steps;
  if (steps < 1 || steps > original) {
    throw Error(ErrorKind::usage,
                "steps must be from 1 to " + std::to_string(original) +
                    " (the steps that a consistency model was distilled on), got " +
                    std::to_string(steps));
  }
  const std::int64_t stride = config.num_train_timesteps / original;
  const double spacing = static_cast<double>(original) / steps;
  std::vector<double> out;
  for (int i = 0; i < steps; ++i) {
    const auto from_the_end = static_cast<std::int64_t>(std::floor(i * spacing));
    out.push_back(static_cast<double>((original - from_the_end) * stride - 1));
  }
  return out;
}

}  // namespace

LCMScheduler::LCMScheduler(const SchedulerConfig& config, int steps)
    : VariancePreservingScheduler(config, distilled_timesteps(config, steps)) {}

StepOutput LCMScheduler::step(const at::Tensor& model_output, std::size_t index,
                              const at::Tensor& sample, const Generators& generators) {
  const bool last = index + 1 == timesteps().size();
  const double here = alpha_bar(timestep(index));
  const at::Tensor x0 =
      threshold_sample(config_, to_x0_and_epsilon(config_.prediction_type, model_output, sample,
                                                  std::sqrt(here), std::sqrt(1 - here))
                                    .original_sample);
  // Eq. 9: the boundary condition that makes the model the identity at timestep 0.
  const double scaled = static_cast<double>(timestep(index)) * config_.timestep_scaling;
  const double norm = scaled * scaled + kSigmaData * kSigmaData;
  const at::Tensor denoised =
      scaled / std::sqrt(norm) * x0 + kSigmaData * kSigmaData / norm * sample;
  if (last) return {denoised, denoised, denoised, 0};
  const double there = alpha_bar(timestep(index + 1));
  const at::Tensor mean = std::sqrt(there) * denoised;
  const double std = std::sqrt(1 - there);
  return {mean + std * draw_noise(sample, generators), denoised, mean, std};
}

}  // namespace omr::schedulers
