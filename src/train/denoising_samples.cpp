#include "train/denoising_samples.h"

#include <string>

#include <ATen/ATen.h>

#include "train/diffusion_models.h"

namespace omr::train {
namespace {

std::function<void(std::int64_t, std::int64_t)> encoding_progress(const LoopObserver& observer) {
  return [&observer, told = std::int64_t{0}](std::int64_t done, std::int64_t all) mutable {
    constexpr std::int64_t kReports = 10;
    if (done * kReports / all == told) return;
    told = done * kReports / all;
    observer.on_message("encoded " + std::to_string(done) + " of " + std::to_string(all) +
                        " pictures");
  };
}

}  // namespace

at::Tensor sample_latents(DiffusionModels& models, const diffusion::DiagonalGaussian& posterior,
                          const at::Tensor& draws) {
  const at::Tensor z = posterior.mean + (0.5 * posterior.logvar).exp() * draws.to(models.device);
  const auto& config = models.vae->config();
  return (z - config.shift_factor) * config.scaling_factor;
}

DenoisingSamples::DenoisingSamples(const LoraRun& run, const ImageTextSource& source,
                                   const std::filesystem::path& cache)
    : run_(run),
      source_(source),
      noise_(run.models.scheduler_config, run.models.device),
      order_(run.settings.loop.seed, source.size()),
      latents_(run.models.vae, source, run.settings.width, run.settings.height, cache,
               encoding_progress(run.observer), run.cancellation) {}

at::Tensor DenoisingSamples::losses(const std::vector<std::uint64_t>& positions, Purpose purpose,
                                    double caption_dropout) {
  const auto fp32 = at::TensorOptions().dtype(at::kFloat);
  const auto device = run_.models.device;
  std::vector<std::uint64_t> indices;
  std::vector<std::string> captions;
  std::vector<std::int64_t> timesteps;
  std::vector<at::Tensor> noises, draws;
  for (const std::uint64_t position : positions) {
    const std::uint64_t index = order_.index(position);
    at::Generator generator = generator_for(run_.settings.loop.seed, purpose, position);
    const bool dropped = at::rand({}, generator, fp32).item<float>() < caption_dropout;
    captions.push_back(dropped ? "" : source_.text(index, order_.epoch(position)));
    timesteps.push_back(
        at::randint(noise_.timesteps(), {}, generator, at::TensorOptions().dtype(at::kLong))
            .item<std::int64_t>());
    noises.push_back(at::randn(run_.models.latent_shape(), generator, fp32));
    draws.push_back(at::randn(run_.models.latent_shape(), generator, fp32));
    indices.push_back(index);
  }
  const at::Tensor latents =
      sample_latents(run_.models, latents_.pictures(indices).moments, at::stack(draws));
  const at::Tensor noise = at::stack(noises).to(device);
  const at::Tensor t = at::tensor(timesteps, at::kLong).to(device);
  const at::Tensor noisy =
      noise_.add_noise(latents, noise, t).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor prediction = run_.models.unet(noisy, t, run_.models.embed(captions));
  return diffusion_loss(prediction, noise_.target(latents, noise, t),
                        noise_.weights(t, run_.settings.snr_gamma));
}

}  // namespace omr::train
