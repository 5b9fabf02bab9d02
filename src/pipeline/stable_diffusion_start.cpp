#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "omr/core/error.h"
#include "omr/core/resample.h"
#include "omr/nn/memory.h"
#include "omr/pipeline/edit_region.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

namespace omr::pipeline {
namespace {

at::Generator seeded(std::uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

}  // namespace

StableDiffusionPipeline::PreparedStart StableDiffusionPipeline::prepare(
    const Start& start, const schedulers::Scheduler& scheduler, int steps, int height, int width) {
  PreparedStart out;
  out.generator = seeded(start.seed);
  const auto draw = [&](at::IntArrayRef shape) {
    return at::randn(shape, out.generator, at::TensorOptions().dtype(at::kFloat));
  };
  const std::int64_t channels = vae_->config().latent_channels;
  const bool given = start.latents.defined();
  const bool sees_mask = unet_->config().in_channels != channels;
  const bool from_noise = !given || (start.inpainting && start.strength == 1.0);
  if (given) {
    if (!(start.strength > 0 && start.strength <= 1)) {
      throw Error(ErrorKind::usage, "strength must be above 0 and at most 1");
    }
    const int run = static_cast<int>(steps * start.strength);
    out.first_call = static_cast<std::size_t>(steps - run) * scheduler.order();
    if (run == 0 || out.first_call >= scheduler.timesteps().size()) {
      throw Error(ErrorKind::usage, "strength " + std::to_string(start.strength) + " of " +
                                        std::to_string(steps) + " steps is not one whole step");
    }
    // An inpainting UNet that begins at noise never looks at the whole picture's latents.
    if (start.encoded_with_seed && !(from_noise && sees_mask)) draw(start.latents.sizes());
  }
  out.noise = given ? draw(start.latents.sizes()) : draw({1, channels, height, width});
  out.latents = from_noise ? out.noise * scheduler.init_noise_sigma()
                           : scheduler.add_noise(start.latents, out.noise, out.first_call);
  if (sees_mask) {
    // Without a mask all is drawn anew.
    const at::Tensor mask = start.inpainting
                                ? start.inpainting->mask
                                : at::ones({1, 1, out.noise.size(2), out.noise.size(3)});
    const std::int64_t scale = vae_->config().downscale();
    const at::Tensor pixels =
        start.inpainting ? start.inpainting->masked_pixels
                         : at::zeros({1, 3, out.noise.size(2) * scale, out.noise.size(3) * scale});
    out.more_channels = at::cat({mask, encode_pixels(pixels, out.generator)}, 1);
  } else if (start.inpainting) {
    draw(start.latents.sizes());  // diffusers encodes the masked picture here too
    out.mask = start.inpainting->mask;
    out.original = start.latents;
  }
  return out;
}

int StableDiffusionPipeline::mark_region(const GenerationOptions& options, const Start& start,
                                         at::Tensor& region, PreparedStart& prepared,
                                         const Cancellation& cancellation) {
  if (!start.latents.defined() || !options.region || prepared.more_channels.defined() ||
      start.inpainting) {
    throw Error(ErrorKind::usage,
                "a part of a picture is redrawn from its latents, by a UNet that sees no mask");
  }
  int calls = 0;
  if (!region.defined()) {
    const at::Tensor contrast = encode(options.region->contrast).states;
    const std::int64_t chunks = std::min(prepared.prompt.size(1), contrast.size(1));
    const auto scheduler = schedulers::make_scheduler(
        options.scheduler, read_scheduler_config(scheduler_file_, options.scheduler),
        options.steps);
    const EditRegionInput input{start.latents, prepared.prompt.slice(1, 0, chunks),
                                contrast.slice(1, 0, chunks), seeded(~start.seed),
                                std::max(1, options.region->calls / 2)};
    use("unet");
    region = find_edit_region(unet_, *scheduler, input, execution_, cancellation);
    calls = 2 * input.draws;
  }
  prepared.mask = region;
  prepared.original = start.latents;
  return calls;
}

at::Tensor StableDiffusionPipeline::encode_pixels(const at::Tensor& pixels,
                                                  at::Generator generator) {
  use("vae");
  const auto& config = vae_->config();
  const at::Tensor sample = vae_->encode(pixels.to(vae_execution_.device, vae_execution_.dtype))
                                .sample(generator)
                                .to(at::kFloat);
  return ((sample - config.shift_factor) * config.scaling_factor).cpu();
}

Start StableDiffusionPipeline::encode_start(const Image& image, std::uint64_t seed, double strength,
                                            int width, int height) {
  return encode_start(image, std::nullopt, seed, strength, width, height);
}

Start StableDiffusionPipeline::encode_start(const Image& image, const std::optional<Image>& mask,
                                            std::uint64_t seed, double strength, int width,
                                            int height) {
  const at::InferenceMode inference;
  const int multiple = static_cast<int>(vae_->config().downscale());
  const int to_width = width > 0 ? width : image.width / multiple * multiple;
  const int to_height = height > 0 ? height : image.height / multiple * multiple;
  if (to_width < multiple || to_height < multiple) {
    throw Error(ErrorKind::usage, "the init image is " + std::to_string(image.width) + "x" +
                                      std::to_string(image.height) +
                                      " pixels, smaller than one latent");
  }
  const auto fitted = [&](const Image& picture) {
    const bool fits = to_width == picture.width && to_height == picture.height;
    return fits ? picture : resize(picture, to_width, to_height, Resample::lanczos);
  };
  return nn::with_memory_errors("encode the picture at a smaller --size", [&] {
    const at::Tensor pixels = to_pixels(fitted(image));
    Start out{seed, encode_pixels(pixels, seeded(seed)), strength, /*encoded_with_seed=*/true};
    if (mask) {
      const at::Tensor redrawn = to_mask(fitted(*mask));
      out.inpainting = Inpainting{
          redrawn.slice(2, 0, c10::nullopt, multiple).slice(3, 0, c10::nullopt, multiple),
          pixels * (1 - redrawn)};
    }
    return out;
  });
}

}  // namespace omr::pipeline
