#include "omr/train/vae_trainer.h"

#include <cmath>
#include <utility>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/train/initialise.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "train/diffusion_parts.h"
#include "train/fingerprint.h"
#include "train/model_output.h"
#include "train/vae_objective.h"

namespace omr::train {
namespace {

diffusion::AutoencoderKL open_vae(const VaeSettings& settings) {
  if (!settings.from_nothing) return diffusion::load_vae(settings.model, {});
  diffusion::AutoencoderKL vae(
      diffusion::AutoencoderKLConfig::parse(io::Config(settings.model / "config.json")));
  initialise(*vae, generator_for(settings.loop.seed, Purpose::weights, 0));
  return vae;
}

std::vector<ParameterGroup> trained_parameters(diffusion::AutoencoderKL& vae,
                                               const VaeSettings& settings) {
  const c10::Device device = settings.loop.device;
  if (!settings.decoder_only) return {{make_trainable(*vae, device), 1.0}};
  make_frozen(*vae, device);
  const auto parts = vae->named_children();
  NamedParameters parameters;
  for (const char* part : {"decoder", "post_quant_conv"}) {
    const auto* module = parts.find(part);
    if (module == nullptr) continue;  // not every autoencoder has both
    for (auto& named : make_trainable(**module, device, std::string(part) + "."))
      parameters.push_back(std::move(named));
  }
  return {{std::move(parameters), 1.0}};
}

std::vector<std::uint64_t> first_indices(const ImageTextSource& source, std::uint64_t count) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t i = 0; i < count; ++i)
    out.push_back(source.size() == 0 ? i : i % source.size());
  return out;
}

// 1 / standard deviation of the latents, over enough pictures for three digits.
double measured_scaling_factor(diffusion::AutoencoderKL& vae, const VaeSettings& settings,
                               const ImageTextSource& source) {
  constexpr std::uint64_t kPictures = 256, kBatch = 16;
  const std::vector<std::uint64_t> indices = first_indices(source, kPictures);
  double sum = 0, squares = 0, count = 0;
  for (std::uint64_t i = 0; i < kPictures; i += kBatch) {
    const auto from = indices.begin() + static_cast<std::ptrdiff_t>(i);
    const auto posterior = vae->encode(pixels_of(settings, source, {from, from + kBatch}));
    const at::Tensor z =
        posterior.sample(generator_for(settings.loop.seed, Purpose::evaluation, i)).to(at::kDouble);
    sum += z.sum().item<double>();
    squares += z.square().sum().item<double>();
    count += static_cast<double>(z.numel());
  }
  const double mean = sum / count;
  return 1 / std::sqrt(squares / count - mean * mean);
}

}  // namespace

void train_vae(const VaeSettings& settings, const ImageTextSource& source,
               const ImageTextSource& held_out, ProcessGroup& processes,
               const LoopObserver& observer, const Cancellation& cancellation) {
  diffusion::AutoencoderKL vae = open_vae(settings);
  check_size(vae->config(), settings.width, settings.height);

  Trainee trainee;
  trainee.name = "vae";
  trainee.groups = trained_parameters(vae, settings);
  VaeObjective objective(vae, settings, source);
  if (const NamedParameters parameters = objective.discriminator_parameters(); !parameters.empty())
    trainee.groups.push_back({.parameters = parameters, .clipped_apart = true});
  trainee.settings = source.description();
  trainee.settings.update(objective.description());
  trainee.settings["size"] = std::to_string(settings.width) + "x" + std::to_string(settings.height);
  trainee.settings["decoder_only"] = settings.decoder_only;
  if (settings.decoder_only && !settings.from_nothing)
    trainee.settings["encoder"] = fingerprint_of_parts({settings.model});

  trainee.loss = [&](const MicroBatch& batch) { return objective.loss(batch); };
  trainee.evaluate = [&](std::int64_t) {
    constexpr std::uint64_t kPictures = 8;
    const std::vector<std::uint64_t> indices = first_indices(held_out, kPictures);
    const at::Tensor pixels = pixels_of(settings, held_out, indices);
    const at::Tensor decoded = vae->decode(vae->encode(pixels).mean).clamp(-1, 1);
    Evaluation out;
    out.metrics["held_out_l1"] = (decoded - pixels).abs().mean().item<double>();
    // Peak 2: pixels lie in [-1, 1].
    out.metrics["held_out_psnr"] =
        10 * std::log10(4 / std::max(1e-12, (decoded - pixels).square().mean().item<double>()));
    if (const at::Tensor distance = objective.perceptual_distance(decoded, pixels);
        distance.defined()) {
      out.metrics["held_out_perceptual"] = distance.mean().item<double>();
    }
    const std::vector<Image> pairs = pipeline::to_images(at::cat({pixels, decoded}, 3));
    for (std::size_t i = 0; i < pairs.size(); ++i)
      out.pictures.emplace_back("picture and its reconstruction", pairs[i]);
    return out;
  };
  trainee.save = [&] {
    io::Json config = io::read_json(settings.model / "config.json");
    if (settings.from_nothing)
      config["scaling_factor"] = measured_scaling_factor(vae, settings, source);
    write_part(settings.loop.out / "vae", config, *vae, "diffusion_pytorch_model.safetensors",
               settings.output_dtype);
  };
  run_training(settings.loop, trainee, processes, observer, cancellation);
}

}  // namespace omr::train
