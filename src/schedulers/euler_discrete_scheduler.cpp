#include "omr/schedulers/euler_discrete_scheduler.h"

#include <ATen/ATen.h>

namespace omr::schedulers {

StepOutput EulerDiscreteScheduler::step(const at::Tensor& model_output, std::size_t index,
                                        const at::Tensor& sample, const Generators&) {
  const double sigma = sigmas_.at(index), next = sigmas_.at(index + 1);
  const at::Tensor x0 = to_x0(model_output, sample, sigma);
  const at::Tensor derivative = (sample - x0) / sigma;
  const at::Tensor prev_sample = sample + derivative * (next - sigma);
  return {prev_sample, x0, prev_sample, 0};
}

}  // namespace omr::schedulers
