// The linear multistep method of fourth order (diffusers schedulers/scheduling_lms_discrete.py;
// k-diffusion's sample_lms): Adams–Bashforth with uneven steps.
#pragma once

#include <deque>

#include "omr/schedulers/variance_exploding_scheduler.h"

namespace omr::schedulers {

class LMSDiscreteScheduler : public VarianceExplodingScheduler {
 public:
  LMSDiscreteScheduler(const SchedulerConfig& config, int steps);

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;

 private:
  // ∫ over [σ_i, σ_{i+1}] of the Lagrange basis polynomial of node i − k among the last `order`
  // nodes.
  double coefficient(std::size_t order, std::size_t index, std::size_t k) const;

  std::deque<at::Tensor> derivatives_;  // newest first
};

}  // namespace omr::schedulers
