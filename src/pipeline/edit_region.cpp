#include "omr/pipeline/edit_region.h"

#include <ATen/ATen.h>

namespace omr::pipeline {

at::Tensor find_edit_region(diffusion::UNet2DConditionModel& unet,
                            const schedulers::Scheduler& scheduler, const EditRegionInput& input,
                            const nn::ExecutionOptions& execution,
                            const Cancellation& cancellation) {
  const std::size_t steps = scheduler.timesteps().size() / scheduler.order();
  const std::size_t call = steps / 2 * scheduler.order();
  const at::Tensor context =
      at::cat({input.contrast_embeds, input.prompt_embeds}).to(execution.device, execution.dtype);
  const at::Tensor timestep =
      at::full({1}, scheduler.timesteps()[call], at::TensorOptions().dtype(at::kFloat))
          .to(execution.device);
  at::Tensor difference;
  for (int draw = 0; draw < input.draws; ++draw) {
    cancellation.check();
    const at::Tensor noise =
        at::randn(input.latents.sizes(), input.generator, at::TensorOptions().dtype(at::kFloat));
    const at::Tensor noisy =
        scheduler.scale_model_input(scheduler.add_noise(input.latents, noise, call), call)
            .to(execution.device, execution.dtype);
    const auto predictions =
        unet(at::cat({noisy, noisy}), timestep, context).to(at::kFloat).cpu().chunk(2);
    const at::Tensor one = (predictions[1] - predictions[0]).abs().mean(1, /*keepdim=*/true);
    difference = difference.defined() ? difference + one : one;
  }
  const double scale = at::quantile(difference.flatten(), kRegionQuantile).item<double>();
  if (!(scale > 0)) return at::ones_like(difference);
  const at::Tensor region = (difference > kRegionThreshold * scale).to(at::kFloat);
  return at::max_pool2d(region, {3, 3}, {1, 1}, {1, 1});
}

}  // namespace omr::pipeline
