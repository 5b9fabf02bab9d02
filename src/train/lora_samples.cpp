#include "train/lora_samples.h"

#include "train/diffusion_models.h"

namespace omr::train {

LoraSamples::LoraSamples(const LoraRun& run, const ImageTextSource& source,
                         const std::filesystem::path& cache)
    : models_(run.models),
      samples_(
          {run.settings.loop.seed, run.settings.width, run.settings.height, run.settings.snr_gamma},
          run.models.vae, run.models.scheduler_config, source, cache, run.models.device,
          run.observer, run.cancellation) {}

at::Tensor LoraSamples::losses(const std::vector<std::uint64_t>& positions, Purpose purpose,
                               double caption_dropout) {
  const DenoisingBatch batch = samples_.draw(positions, purpose, caption_dropout);
  const at::Tensor prediction =
      models_.unet(batch.noisy, batch.timesteps, models_.embed(batch.captions));
  return diffusion_loss(prediction, batch.target, batch.weights);
}

}  // namespace omr::train
