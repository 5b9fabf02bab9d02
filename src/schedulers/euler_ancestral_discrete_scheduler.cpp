#include "omr/schedulers/euler_ancestral_discrete_scheduler.h"

#include <cmath>

#include <ATen/ATen.h>

namespace omr::schedulers {
namespace {

// This method has neither Karras' spacing nor a choice of its end.
SchedulerConfig euler_ancestral_keys(SchedulerConfig config) {
  config.use_karras_sigmas = false;
  config.final_sigmas_type = FinalSigmas::zero;
  return config;
}

}  // namespace

EulerAncestralDiscreteScheduler::EulerAncestralDiscreteScheduler(const SchedulerConfig& config,
                                                                 int steps)
    : VarianceExplodingScheduler(euler_ancestral_keys(config), steps) {}

StepOutput EulerAncestralDiscreteScheduler::step(const at::Tensor& model_output, std::size_t index,
                                                 const at::Tensor& sample,
                                                 const Generators& generators) {
  const double from = sigmas_.at(index), to = sigmas_.at(index + 1);
  const at::Tensor x0 = to_x0(model_output, sample, from);
  // Steps down to less than `to`, then noise brings the level back up to it.
  const double up = std::sqrt(to * to * (from * from - to * to) / (from * from));
  const double down = std::sqrt(to * to - up * up);
  const at::Tensor mean = sample + (sample - x0) / from * (down - from);
  // diffusers draws in the last step too, where the noise has no weight.
  const at::Tensor noise = draw_noise(sample, generators);
  return {mean + up * noise, x0, mean, up};
}

}  // namespace omr::schedulers
