// Multistep sampling of latent consistency models, arXiv 2310.04378, algorithm 3 (diffusers
// schedulers/scheduling_lcm.py): each call predicts the clean sample, which is noised again.
#pragma once

#include "omr/schedulers/variance_preserving_scheduler.h"

namespace omr::schedulers {

class LCMScheduler : public VariancePreservingScheduler {
 public:
  // Throws Error(usage) for more steps than the distilled schedule has.
  LCMScheduler(const SchedulerConfig& config, int steps);

  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;
};

}  // namespace omr::schedulers
