// Euler's method with fresh noise after each step (diffusers
// schedulers/scheduling_euler_ancestral_discrete.py; k-diffusion's sample_euler_ancestral).
#pragma once

#include "omr/schedulers/variance_exploding_scheduler.h"

namespace omr::schedulers {

class EulerAncestralDiscreteScheduler : public VarianceExplodingScheduler {
 public:
  EulerAncestralDiscreteScheduler(const SchedulerConfig& config, int steps);

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;
};

}  // namespace omr::schedulers
