// DDIM, arXiv 2010.02502, eq. 12 and 16 (diffusers schedulers/scheduling_ddim.py).
#pragma once

#include <vector>

#include "omr/schedulers/variance_preserving_scheduler.h"

namespace omr::schedulers {

class DDIMScheduler : public VariancePreservingScheduler {
 public:
  // eta 0 is deterministic, eta 1 has DDPM's variance (what policy-gradient training samples with).
  DDIMScheduler(const SchedulerConfig& config, int steps, double eta = 0);
  // One eta a step: a drawing of which only some steps leave anything to chance.
  DDIMScheduler(const SchedulerConfig& config, const std::vector<double>& etas);

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;

 private:
  std::vector<double> etas_;
  std::int64_t stride_;
};

}  // namespace omr::schedulers
