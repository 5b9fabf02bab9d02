// Euler's method on the probability-flow ODE, arXiv 2206.00364, algorithm 1 without churn
// (diffusers schedulers/scheduling_euler_discrete.py).
#pragma once

#include "omr/schedulers/variance_exploding_scheduler.h"

namespace omr::schedulers {

class EulerDiscreteScheduler : public VarianceExplodingScheduler {
 public:
  EulerDiscreteScheduler(const SchedulerConfig& config, int steps)
      : VarianceExplodingScheduler(config, steps) {}

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;
};

}  // namespace omr::schedulers
