// Pseudo numerical methods, arXiv 2202.09778, eq. 9 to 13 and algorithm 2 (diffusers
// schedulers/scheduling_pndm.py): four-call Runge-Kutta steps first, then a linear multistep
// method; with skip_prk_steps the multistep method from the start, its second call twice at one
// timestep.
#pragma once

#include <deque>

#include "omr/schedulers/variance_preserving_scheduler.h"

namespace omr::schedulers {

class PNDMScheduler : public VariancePreservingScheduler {
 public:
  // Throws Error(usage) for fewer than 4 steps where the Runge-Kutta start is not skipped.
  PNDMScheduler(const SchedulerConfig& config, int steps);

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;

 private:
  at::Tensor runge_kutta(const at::Tensor& model_output, std::size_t index,
                         const at::Tensor& sample);
  at::Tensor multistep(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample);
  // Eq. 11: from timestep t to `previous` along `model_output`.
  at::Tensor transfer(const at::Tensor& sample, std::int64_t t, std::int64_t previous,
                      const at::Tensor& model_output) const;

  std::int64_t stride_;
  std::size_t runge_kutta_calls_;
  std::size_t counter_ = 0;         // calls so far
  std::deque<at::Tensor> outputs_;  // newest first
  at::Tensor sum_;                  // of a Runge-Kutta step's weighted outputs
  at::Tensor first_sample_;         // where the step began
};

}  // namespace omr::schedulers
