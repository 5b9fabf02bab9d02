// DPM-Solver++ for the SDE, two calls a step with noise from a Brownian path (diffusers
// schedulers/scheduling_dpmsolver_sde.py; k-diffusion's sample_dpmpp_sde). The path of a picture is
// made from its generator's seed, as AUTOMATIC1111's web UI does; diffusers does so when
// noise_sampler_seed lists the seeds. A single generator makes one path for the whole batch.
#pragma once

#include <memory>

#include "omr/schedulers/variance_exploding_scheduler.h"

namespace omr::schedulers {

class BrownianTree;

class DPMSolverSDEScheduler : public VarianceExplodingScheduler {
 public:
  DPMSolverSDEScheduler(const SchedulerConfig& config, int steps);
  ~DPMSolverSDEScheduler() override;

  std::size_t order() const override { return 2; }
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t index) const override;
  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;

 private:
  // Unit noise of the path between two levels.
  at::Tensor path_noise(const at::Tensor& from, const at::Tensor& to, const at::Tensor& like,
                        const Generators& generators);

  std::vector<BrownianTree> trees_;
  at::Tensor first_sample_;  // where the step began; undefined when the next call begins one
  double middle_sigma_ = 0;  // the level of the step's second call
};

}  // namespace omr::schedulers
