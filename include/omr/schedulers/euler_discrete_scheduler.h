// Euler's method on the probability-flow ODE, arXiv 2206.00364, algorithm 1 without churn
// (diffusers schedulers/scheduling_euler_discrete.py).
#pragma once

#include "omr/schedulers/scheduler.h"

namespace omr::schedulers {

class EulerDiscreteScheduler : public Scheduler {
 public:
  EulerDiscreteScheduler(const SchedulerConfig& config, int steps);

  const std::vector<double>& timesteps() const override { return timesteps_; }
  double init_noise_sigma() const override;
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t index) const override;
  at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                       std::size_t index) const override;
  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  std::optional<at::Generator> generator) override;

 private:
  SchedulerConfig config_;
  std::vector<double> timesteps_;
  std::vector<double> sigmas_;  // one more than timesteps: the last is where the run ends
};

}  // namespace omr::schedulers
