// What the schedulers that count in ᾱ share (DDIM, DDPM, PNDM, LCM): x_t = √ᾱ·x0 + √(1 − ᾱ)·noise.
#pragma once

#include "omr/schedulers/scheduler.h"

namespace omr::schedulers {

class VariancePreservingScheduler : public Scheduler {
 public:
  const std::vector<double>& timesteps() const override { return timesteps_; }
  double init_noise_sigma() const override { return 1.0; }
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t) const override {
    return sample;
  }
  at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                       std::size_t index) const override;

 protected:
  // `timesteps` are rounded to whole ones.
  VariancePreservingScheduler(const SchedulerConfig& config, std::vector<double> timesteps);

  // ᾱ of a timestep; below 0 that of the noise-free end, as set_alpha_to_one says.
  double alpha_bar(std::int64_t timestep) const;
  std::int64_t timestep(std::size_t index) const {
    return static_cast<std::int64_t>(timesteps_.at(index));
  }

  SchedulerConfig config_;

 private:
  std::vector<double> alphas_cumprod_;
  std::vector<double> timesteps_;
};

}  // namespace omr::schedulers
