#include "train/denoising_samples.h"

#include <ATen/ATen.h>

namespace omr::train {
at::Tensor sample_latents(const diffusion::AutoencoderKLConfig& vae,
                          const diffusion::DiagonalGaussian& posterior, const at::Tensor& draws) {
  const at::Tensor z =
      posterior.mean + (0.5 * posterior.logvar).exp() * draws.to(posterior.mean.device());
  return (z - vae.shift_factor) * vae.scaling_factor;
}

DenoisingSamples::DenoisingSamples(const DenoisingSettings& settings, diffusion::AutoencoderKL vae,
                                   const schedulers::SchedulerConfig& schedule,
                                   const ImageTextSource& source,
                                   const std::filesystem::path& cache, c10::Device device,
                                   const LoopObserver& observer, const Cancellation& cancellation)
    : settings_(settings),
      vae_(vae),
      source_(source),
      device_(device),
      noise_(schedule, device),
      order_(settings.seed, source.size()),
      latents_(vae, source, settings.width, settings.height, cache, encoding_progress(observer),
               cancellation) {}

DenoisingBatch DenoisingSamples::draw(const std::vector<std::uint64_t>& positions, Purpose purpose,
                                      double caption_dropout) {
  const auto fp32 = at::TensorOptions().dtype(at::kFloat);
  std::vector<std::uint64_t> indices;
  for (const std::uint64_t position : positions) indices.push_back(order_.index(position));
  const EncodedPictures pictures = latents_.pictures(indices);
  const at::IntArrayRef shape = pictures.moments.mean.sizes().slice(1);

  DenoisingBatch out;
  std::vector<std::int64_t> timesteps;
  std::vector<at::Tensor> noises, draws;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    at::Generator generator = generator_for(settings_.seed, purpose, positions[i]);
    const bool dropped = at::rand({}, generator, fp32).item<float>() < caption_dropout;
    out.captions.push_back(dropped ? "" : source_.text(indices[i], order_.epoch(positions[i])));
    timesteps.push_back(settings_.timestep_bias.draw(noise_.timesteps(), generator));
    noises.push_back(at::randn(shape, generator, fp32));
    draws.push_back(at::randn(shape, generator, fp32));
  }
  const at::Tensor latents = sample_latents(vae_->config(), pictures.moments, at::stack(draws));
  const at::Tensor noise = at::stack(noises).to(device_);
  out.timesteps = at::tensor(timesteps, at::kLong).to(device_);
  out.noisy =
      noise_.add_noise(latents, noise, out.timesteps).contiguous(at::MemoryFormat::ChannelsLast);
  out.target = noise_.target(latents, noise, out.timesteps);
  out.weights = noise_.weights(out.timesteps, settings_.snr_gamma);
  out.objects = pictures.objects;
  out.signal_share = noise_.signal_share(out.timesteps);
  return out;
}

}  // namespace omr::train
