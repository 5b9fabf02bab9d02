#include "omr/schedulers/heun_discrete_scheduler.h"

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

SchedulerConfig heun_keys(SchedulerConfig config) {
  config.rescale_betas_zero_snr = false;
  config.thresholding = false;
  config.final_sigmas_type = FinalSigmas::zero;
  return config;
}

}  // namespace

HeunDiscreteScheduler::HeunDiscreteScheduler(const SchedulerConfig& config, int steps)
    : VarianceExplodingScheduler(heun_keys(config), steps) {
  timesteps_ = twice_but_first(timesteps_);
  const double end = sigmas_.back();
  sigmas_.pop_back();
  sigmas_ = twice_but_first(sigmas_);
  sigmas_.push_back(end);
}

StepOutput HeunDiscreteScheduler::step(const at::Tensor& model_output, std::size_t index,
                                       const at::Tensor& sample, const Generators&) {
  const bool first = !first_sample_.defined();
  const double from = sigmas_.at(first ? index : index - 1);
  const double to = sigmas_.at(first ? index + 1 : index);
  const double here = first ? from : to;
  const at::Tensor x0 = threshold_sample(config_, to_x0(model_output, sample, here));
  const at::Tensor derivative = (sample - x0) / here;
  at::Tensor prev_sample;
  if (first) {
    prev_sample = sample + derivative * (to - from);
    // The last step goes to σ = 0, where no derivative exists to average with.
    if (to != 0) {
      first_sample_ = sample;
      first_derivative_ = derivative;
    }
  } else {
    prev_sample = first_sample_ + (first_derivative_ + derivative) / 2 * (to - from);
    first_sample_ = at::Tensor();
    first_derivative_ = at::Tensor();
  }
  return {prev_sample, x0, prev_sample, 0};
}

}  // namespace omr::schedulers
