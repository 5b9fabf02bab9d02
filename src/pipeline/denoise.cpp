#include "omr/pipeline/denoise.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace omr::pipeline {

at::Tensor denoise(diffusion::UNet2DConditionModel& unet, schedulers::Scheduler& scheduler,
                   const DenoiseInput& input, const nn::ExecutionOptions& execution,
                   const StepCallback& on_step, const Cancellation& cancellation) {
  const bool guided = input.guidance_scale > 1.0;
  const std::int64_t batch = input.latents.size(0);
  const auto for_batch = [&](const at::Tensor& embeds) {
    return embeds.expand({batch, embeds.size(1), embeds.size(2)});
  };
  const at::Tensor context =
      (guided ? at::cat({for_batch(input.negative_prompt_embeds), for_batch(input.prompt_embeds)})
              : for_batch(input.prompt_embeds))
          .to(execution.device, execution.dtype);
  at::Tensor latents = input.latents.to(execution.device);
  const std::vector<double>& timesteps = scheduler.timesteps();
  const std::size_t end = std::min(input.end_call, timesteps.size());
  for (std::size_t i = input.first_call; i < end; ++i) {
    cancellation.check();
    at::Tensor scaled = scheduler.scale_model_input(latents, i);
    if (input.more_channels.defined()) {
      scaled = at::cat({scaled, input.more_channels.to(scaled.options())}, 1);
    }
    const at::Tensor model_input =
        (guided ? at::cat({scaled, scaled}) : scaled).to(execution.dtype);
    const at::Tensor timestep =
        at::full({1}, timesteps[i], at::TensorOptions().dtype(at::kFloat).device(execution.device));
    at::Tensor prediction = unet(model_input, timestep, context).to(at::kFloat);
    if (guided) {
      const auto halves = prediction.chunk(2);
      prediction = halves[0] + input.guidance_scale * (halves[1] - halves[0]);
    }
    latents = scheduler.step(prediction, i, latents, input.generators).prev_sample;
    if (input.mask.defined()) {
      const at::Tensor original = input.original.to(latents.options());
      const at::Tensor kept =
          i + 1 < timesteps.size()
              ? scheduler.add_noise(original, input.noise.to(latents.options()), i + 1)
              : original;
      const at::Tensor mask = input.mask.to(latents.options());
      latents = (1 - mask) * kept + mask * latents;
    }
    if (on_step) on_step(i, latents);
  }
  return latents;
}

}  // namespace omr::pipeline
