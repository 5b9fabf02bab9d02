#include "train/vae_objective.h"

#include <algorithm>
#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/train/adversarial_loss.h"
#include "omr/train/initialise.h"
#include "omr/train/training_pixels.h"

#include "train/fingerprint.h"

namespace omr::train {
namespace {

void expect_size(const VaeSettings& settings, std::int64_t smallest, const std::string& who) {
  if (std::min(settings.width, settings.height) >= smallest) return;
  throw Error(ErrorKind::usage, "--size " + std::to_string(settings.width) + "x" +
                                    std::to_string(settings.height) + ": " + who + " takes " +
                                    std::to_string(smallest) + " pixels a side, or more");
}

}  // namespace

at::Tensor pixels_of(const VaeSettings& settings, const ImageTextSource& source,
                     const std::vector<std::uint64_t>& indices) {
  std::vector<Image> images;
  for (const std::uint64_t index : indices)
    images.push_back(fit_image(source.image(index), settings.width, settings.height));
  return to_batch(images).to(settings.loop.device);
}

VaeObjective::VaeObjective(diffusion::AutoencoderKL vae, const VaeSettings& settings,
                           const ImageTextSource& source)
    : settings_(settings),
      source_(source),
      order_(settings.loop.seed, source.size()),
      vae_(std::move(vae)) {
  if (!settings.lpips.empty()) {
    expect_size(settings, reward::LpipsImpl::kSmallest, "LPIPS");
    lpips_ = reward::load_lpips(settings.lpips, {settings.loop.device});
  }
  if (settings.adversarial_weight == 0) return;
  if (settings.loop.dtype == "fp16") {
    throw Error(ErrorKind::usage,
                "--adversarial-weight balances gradients that are too small for --dtype fp16: take "
                "bf16 or fp32");
  }
  discriminator_ = PatchDiscriminator();
  expect_size(settings, discriminator_->smallest_size(), "the discriminator");
  initialise(*discriminator_, generator_for(settings.loop.seed, Purpose::weights, 1));
  discriminator_parameters_ =
      make_trainable(*discriminator_, settings.loop.device, "discriminator.");
  last_layer_ = vae_->named_parameters()["decoder.conv_out.weight"];
}

io::Json VaeObjective::description() const {
  const bool perceptual = !settings_.lpips.empty();
  return {{"l1", settings_.weights.l1},
          {"l2", settings_.weights.l2},
          {"kl", settings_.weights.kl},
          {"object_weight", settings_.object_weight},
          {"latent_noise", settings_.latent_noise},
          {"perceptual_weight", perceptual ? settings_.weights.perceptual : 0.0},
          {"lpips", perceptual ? fingerprint(settings_.lpips) : "none"},
          {"adversarial_weight", settings_.adversarial_weight},
          {"adversarial_start", settings_.adversarial_start}};
}

at::Tensor VaeObjective::perceptual_distance(const at::Tensor& reconstruction,
                                             const at::Tensor& pixels) {
  return lpips_.is_empty() ? at::Tensor() : lpips_(reconstruction, pixels);
}

at::Tensor VaeObjective::sample(const diffusion::DiagonalGaussian& posterior,
                                const MicroBatch& batch) const {
  const auto fp32 = at::TensorOptions().dtype(at::kFloat);
  std::vector<at::Tensor> noise, more_noise;
  for (const std::uint64_t position : batch.positions) {
    at::Generator generator = generator_for(settings_.loop.seed, Purpose::sample, position);
    noise.push_back(at::randn(posterior.mean.sizes().slice(1), generator, fp32));
    if (settings_.latent_noise == 0) continue;
    const at::Tensor deviation =
        at::rand({}, generator, fp32) * (settings_.latent_noise / vae_->config().scaling_factor);
    more_noise.push_back(deviation * at::randn(posterior.mean.sizes().slice(1), generator, fp32));
  }
  const c10::Device device = settings_.loop.device;
  const at::Tensor z =
      posterior.mean + (0.5 * posterior.logvar).exp() * at::stack(noise).to(device);
  return more_noise.empty() ? z : z + at::stack(more_noise).to(device);
}

MicroLoss VaeObjective::loss(const MicroBatch& batch) {
  std::vector<std::uint64_t> indices;
  for (const std::uint64_t position : batch.positions) indices.push_back(order_.index(position));
  const at::Tensor pixels = pixels_of(settings_, source_, indices);
  const at::Tensor weights = settings_.object_weight == 1.0
                                 ? at::Tensor()
                                 : object_weights(pixels, settings_.object_weight);
  const diffusion::DiagonalGaussian posterior = vae_->encode(pixels);
  const at::Tensor reconstruction = vae_->decode(sample(posterior, batch));
  const AutoencoderLoss loss =
      autoencoder_loss(reconstruction, pixels, posterior, weights, settings_.weights,
                       perceptual_distance(reconstruction, pixels));
  MicroLoss out;
  out.weight = static_cast<double>(batch.positions.size());
  out.metrics = {{"l1", loss.l1.item<double>()},
                 {"l2", loss.l2.item<double>()},
                 {"kl", loss.kl.item<double>()}};
  if (loss.perceptual.defined()) out.metrics["perceptual"] = loss.perceptual.item<double>();
  at::Tensor total = loss.total;
  if (!discriminator_.is_empty() && batch.step >= settings_.adversarial_start) {
    const AdversarialLoss against = adversarial_loss(discriminator_, reconstruction, pixels);
    const at::Tensor balance = adaptive_weight(loss.reconstruction, against.generator, last_layer_);
    // The loss that is shown is the autoencoder's: the discriminator's adds its gradient alone.
    total = total + settings_.adversarial_weight * balance * against.generator +
            (against.discriminator - against.discriminator.detach());
    out.metrics["generator"] = against.generator.item<double>();
    out.metrics["discriminator"] = against.discriminator.item<double>();
  }
  out.sum = total * out.weight;
  return out;
}

}  // namespace omr::train
