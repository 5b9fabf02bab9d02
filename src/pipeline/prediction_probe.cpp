#include "omr/pipeline/prediction_probe.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>

namespace omr::pipeline {

double noise_correlation(diffusion::UNet2DConditionModel& unet,
                         const nn::ExecutionOptions& execution) {
  const c10::InferenceMode inference;
  const diffusion::UNet2DConditionConfig& config = unet->config();
  // Small enough to be cheap, large enough for the deepest level to hold a few latents.
  const std::int64_t side =
      std::max<std::int64_t>(16, std::int64_t{2} << config.block_out_channels.size());
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(0);
  const at::Tensor noise = at::randn({1, config.in_channels, side, side}, generator,
                                     at::TensorOptions().dtype(at::kFloat));
  const at::Tensor context = at::zeros({1, 1, config.cross_attention_dim}, at::kFloat);
  constexpr float kLastTimestep = 999;
  const at::Tensor answer =
      unet(noise.to(execution.device, execution.dtype),
           at::full({1}, kLastTimestep, at::TensorOptions().device(execution.device)),
           context.to(execution.device, execution.dtype))
          .to(at::kCPU, at::kDouble)
          .flatten();
  const at::Tensor shown = noise.slice(1, 0, config.out_channels).to(at::kDouble).flatten();
  const at::Tensor a = answer - answer.mean(), b = shown - shown.mean();
  return ((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-12)).item<double>();
}

const char* prediction_type_of(double noise_correlation) {
  return noise_correlation > 0.5 ? "epsilon" : "v_prediction";
}

}  // namespace omr::pipeline
