// A scheduler that shows what each step was made of to the one who trains through it.
#pragma once

#include <functional>
#include <utility>

#include "omr/schedulers/scheduler.h"

namespace omr::train {

class RecordingScheduler : public schedulers::Scheduler {
 public:
  // `sample` is what the step began with.
  using Record = std::function<void(std::size_t index, const at::Tensor& sample,
                                    const schedulers::StepOutput& output)>;
  RecordingScheduler(schedulers::Scheduler& scheduler, Record record)
      : scheduler_(scheduler), record_(std::move(record)) {}

  const std::vector<double>& timesteps() const override { return scheduler_.timesteps(); }
  std::size_t order() const override { return scheduler_.order(); }
  double init_noise_sigma() const override { return scheduler_.init_noise_sigma(); }
  at::Tensor scale_model_input(const at::Tensor& sample, std::size_t index) const override {
    return scheduler_.scale_model_input(sample, index);
  }
  at::Tensor add_noise(const at::Tensor& original, const at::Tensor& noise,
                       std::size_t index) const override {
    return scheduler_.add_noise(original, noise, index);
  }
  schedulers::StepOutput step(const at::Tensor& model_output, std::size_t index,
                              const at::Tensor& sample,
                              const schedulers::Generators& generators) override {
    schedulers::StepOutput output = scheduler_.step(model_output, index, sample, generators);
    record_(index, sample, output);
    return output;
  }

 private:
  schedulers::Scheduler& scheduler_;
  Record record_;
};

}  // namespace omr::train
