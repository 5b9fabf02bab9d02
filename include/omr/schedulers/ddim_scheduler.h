// DDIM, arXiv 2010.02502, eq. 12 and 16 (diffusers schedulers/scheduling_ddim.py).
#pragma once

#include "omr/schedulers/scheduler.h"

namespace omr::schedulers {

class DDIMScheduler : public Scheduler {
 public:
  // eta 0 is deterministic, eta 1 has DDPM's variance (what policy-gradient training samples with).
  DDIMScheduler(const SchedulerConfig& config, int steps, double eta = 0);

  const std::vector<double>& timesteps() const override { return timesteps_; }
  double init_noise_sigma() const override { return 1.0; }
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t) const override {
    return sample;
  }
  at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                       std::size_t index) const override;
  StepOutput step(const at::Tensor& model_output, std::size_t index, const at::Tensor& sample,
                  std::optional<at::Generator> generator) override;

 private:
  SchedulerConfig config_;
  double eta_;
  std::int64_t stride_;
  std::vector<double> alphas_cumprod_;
  std::vector<double> timesteps_;
};

}  // namespace omr::schedulers
