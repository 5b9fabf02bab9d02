#include "omr/train/diffusion_loss.h"

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::train {
namespace {

// [B] -> [B, 1, 1, 1], as many dimensions as `like`.
at::Tensor spread(const at::Tensor& values, const at::Tensor& like) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(like.dim()), 1);
  shape[0] = values.size(0);
  return values.view(shape);
}

}  // namespace

TrainingNoise::TrainingNoise(const schedulers::SchedulerConfig& config, c10::Device device)
    : alphas_cumprod_(
          at::tensor(schedulers::alphas_cumprod(config), at::kDouble).to(device, at::kFloat)),
      prediction_type_(config.prediction_type) {}

at::Tensor TrainingNoise::add_noise(const at::Tensor& latents, const at::Tensor& noise,
                                    const at::Tensor& timesteps) const {
  const at::Tensor alphas = signal_share(timesteps);
  return spread(alphas.sqrt(), latents) * latents + spread((1 - alphas).sqrt(), latents) * noise;
}

at::Tensor TrainingNoise::target(const at::Tensor& latents, const at::Tensor& noise,
                                 const at::Tensor& timesteps) const {
  if (prediction_type_ == schedulers::PredictionType::epsilon) return noise;
  if (prediction_type_ == schedulers::PredictionType::sample) return latents;
  const at::Tensor alphas = signal_share(timesteps);
  return spread(alphas.sqrt(), latents) * noise - spread((1 - alphas).sqrt(), latents) * latents;
}

at::Tensor TrainingNoise::weights(const at::Tensor& timesteps, double gamma) const {
  const at::Tensor alphas = signal_share(timesteps);
  if (gamma <= 0) return at::ones_like(alphas);
  const at::Tensor snr = alphas / (1 - alphas);
  const at::Tensor capped = snr.clamp_max(gamma);
  if (prediction_type_ == schedulers::PredictionType::epsilon) return capped / snr;
  return prediction_type_ == schedulers::PredictionType::v_prediction ? capped / (snr + 1) : capped;
}

at::Tensor TrainingNoise::signal_share(const at::Tensor& timesteps) const {
  return alphas_cumprod_.index_select(0, timesteps);
}

at::Tensor ObjectWeights::of_cells(const at::Tensor& objects,
                                   const at::Tensor& signal_share) const {
  return 1 + ((whole - 1) + (shown - 1) * spread(signal_share, objects)) * objects;
}

at::Tensor diffusion_loss(const at::Tensor& prediction, const at::Tensor& target,
                          const at::Tensor& weights, const at::Tensor& cell_weights) {
  const at::Tensor error = (prediction.to(at::kFloat) - target.to(at::kFloat)).square();
  if (!cell_weights.defined()) return error.flatten(1).mean(1) * weights;
  const at::Tensor share = cell_weights / cell_weights.flatten(1).sum(1).view({-1, 1, 1, 1});
  return (error.mean(1, /*keepdim=*/true) * share).flatten(1).sum(1) * weights;
}

}  // namespace omr::train
