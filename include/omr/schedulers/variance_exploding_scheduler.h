// What the schedulers that count in σ share (Euler, Heun, LMS and their stochastic kin): the sample
// is x0 + σ·noise, the model sees it divided by √(σ² + 1) (arXiv 2206.00364; k-diffusion's
// sampling.py).
#pragma once

#include "omr/schedulers/scheduler.h"

namespace omr::schedulers {

class VarianceExplodingScheduler : public Scheduler {
 public:
  const std::vector<double>& timesteps() const override { return timesteps_; }
  double init_noise_sigma() const override;
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t index) const override;
  at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                       std::size_t index) const override;

 protected:
  VarianceExplodingScheduler(const SchedulerConfig& config, int steps);

  // x0 from a prediction made at noise level `sigma`.
  at::Tensor to_x0(const at::Tensor& model_output, const at::Tensor& sample, double sigma) const;

  SchedulerConfig config_;
  std::vector<double> timesteps_;
  std::vector<double> sigmas_;      // one more than timesteps: the last is where the run ends
  std::vector<double> all_sigmas_;  // of every training timestep, ascending
};

}  // namespace omr::schedulers
