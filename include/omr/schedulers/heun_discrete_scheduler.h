// Heun's second-order method on the probability-flow ODE, arXiv 2206.00364, algorithm 1 (diffusers
// schedulers/scheduling_heun_discrete.py): two UNet calls a step, one in the last.
#pragma once

#include "omr/schedulers/variance_exploding_scheduler.h"

namespace omr::schedulers {

class HeunDiscreteScheduler : public VarianceExplodingScheduler {
 public:
  HeunDiscreteScheduler(const SchedulerConfig& config, int steps);

  std::size_t order() const override { return 2; }
  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;

 private:
  at::Tensor first_sample_;  // where the step began; undefined when the next call begins one
  at::Tensor first_derivative_;
};

}  // namespace omr::schedulers
