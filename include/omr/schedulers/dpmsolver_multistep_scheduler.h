// DPM-Solver++(2M), arXiv 2211.01095, algorithm 2 (diffusers
// schedulers/scheduling_dpmsolver_multistep.py: dpmsolver++, order 2, midpoint).
#pragma once

#include "omr/schedulers/scheduler.h"

namespace omr::schedulers {

class DPMSolverMultistepScheduler : public Scheduler {
 public:
  DPMSolverMultistepScheduler(const SchedulerConfig& config, int steps);

  const std::vector<double>& timesteps() const override { return timesteps_; }
  double init_noise_sigma() const override { return 1.0; }
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t) const override {
    return sample;
  }
  at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                       std::size_t index) const override;
  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  const Generators& generators) override;

 private:
  SchedulerConfig config_;
  std::vector<double> timesteps_;
  std::vector<double> sigmas_;  // one more than timesteps
  at::Tensor last_x0_;          // of the step before; undefined at the first
};

}  // namespace omr::schedulers
