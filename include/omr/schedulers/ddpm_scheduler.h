// DDPM's ancestral sampling, arXiv 2006.11239, eq. 7 (diffusers schedulers/scheduling_ddpm.py).
#pragma once

#include "omr/schedulers/variance_preserving_scheduler.h"

namespace omr::schedulers {

class DDPMScheduler : public VariancePreservingScheduler {
 public:
  DDPMScheduler(const SchedulerConfig& config, int steps);

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;
};

}  // namespace omr::schedulers
