// UniPC, arXiv 2302.04867, algorithms 1 and 2, with data prediction (diffusers
// schedulers/scheduling_unipc_multistep.py): each call first corrects the sample that the step
// before predicted.
#pragma once

#include <deque>

#include "omr/schedulers/scheduler.h"

namespace omr::schedulers {

class UniPCMultistepScheduler : public Scheduler {
 public:
  UniPCMultistepScheduler(const SchedulerConfig& config, int steps);

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
  // `sample` of call `from` moved to the level of call `to` = from + 1, of the given order; with
  // `x0_there`, the prediction at `to`, the corrector, else the predictor.
  at::Tensor update(const at::Tensor& sample, std::size_t from, std::size_t order,
                    const at::Tensor& x0_there) const;

  SchedulerConfig config_;
  std::vector<double> timesteps_;
  std::vector<double> sigmas_;          // one more than timesteps
  std::deque<at::Tensor> predictions_;  // x0 of the calls before, newest first
  at::Tensor last_sample_;              // what the step before started from, corrected
  std::size_t last_order_ = 0;
};

}  // namespace omr::schedulers
