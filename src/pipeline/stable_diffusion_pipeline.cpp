#include "omr/pipeline/stable_diffusion_pipeline.h"

#include <algorithm>
#include <map>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/util/Exception.h>

#include "omr/core/error.h"
#include "omr/core/resample.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/image_tensor.h"

namespace omr::pipeline {
namespace {

constexpr int kMaxSide = 8192;

at::Generator seeded(std::uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

// Memory that runs out deep inside libtorch is the user's problem to solve, not a bug of ours.
template <typename Work>
auto with_memory_errors(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::resource, "out of memory; try a smaller --size or fewer --candidates");
  } catch (const c10::OutOfMemoryError&) {
    throw Error(ErrorKind::resource,
                "out of GPU memory; try a smaller --size or fewer --candidates");
  } catch (const c10::Error& error) {
    if (std::string(error.what()).find("not enough memory") == std::string::npos) throw;
    throw Error(ErrorKind::resource, "out of memory; try a smaller --size or fewer --candidates");
  }
}

}  // namespace

StableDiffusionPipeline::StableDiffusionPipeline(text::CLIPTokenizer tokenizer,
                                                 text::CLIPTextModel text_encoder,
                                                 diffusion::UNet2DConditionModel unet,
                                                 diffusion::AutoencoderKL vae)
    : tokenizer_(std::move(tokenizer)),
      text_encoder_(std::move(text_encoder)),
      unet_(std::move(unet)),
      vae_(std::move(vae)) {}

StableDiffusionPipeline StableDiffusionPipeline::open(const ModelFolder& folder,
                                                      const nn::ExecutionOptions& execution) {
  const io::Config scheduler(folder.part("scheduler") / "scheduler_config.json");
  nn::ExecutionOptions vae_execution = execution;
  const io::Config vae_config(folder.part("vae") / "config.json");
  if (execution.dtype == at::kHalf && vae_config.boolean("force_upcast", false))
    vae_execution.dtype = at::kFloat;

  StableDiffusionPipeline out(text::CLIPTokenizer::from_folder(folder.part("tokenizer")),
                              text::load_clip_text_model(folder.part("text_encoder"), execution),
                              diffusion::load_unet(folder.part("unet"), execution),
                              diffusion::load_vae(folder.part("vae"), vae_execution));
  const auto& unet = out.unet_->config();
  const std::int64_t width = out.text_encoder_->config().encoder.hidden_size;
  if (unet.cross_attention_dim != width) {
    throw Error(ErrorKind::mismatch, folder.root.string() + ": the UNet expects a text encoder " +
                                         std::to_string(unet.cross_attention_dim) +
                                         " wide, text_encoder is " + std::to_string(width) +
                                         " wide");
  }
  if (unet.in_channels != out.vae_->config().latent_channels ||
      unet.out_channels != unet.in_channels) {
    throw Error(ErrorKind::mismatch,
                folder.root.string() + ": the UNet maps " + std::to_string(unet.in_channels) +
                    " to " + std::to_string(unet.out_channels) + " channels, the VAE has " +
                    std::to_string(out.vae_->config().latent_channels));
  }
  out.scheduler_config_ = read_scheduler_config(scheduler);
  const std::string class_name = scheduler.text("_class_name", "DDIMScheduler");
  out.default_scheduler_ =
      schedulers::scheduler_of_class(class_name, out.scheduler_config_.use_karras_sigmas)
          .value_or(schedulers::SchedulerName::ddim);
  out.execution_ = execution;
  out.vae_execution_ = vae_execution;
  return out;
}

int StableDiffusionPipeline::default_width() const {
  return static_cast<int>(unet_->config().sample_size * vae_->config().downscale());
}

int StableDiffusionPipeline::default_height() const { return default_width(); }

text::PromptEmbedding StableDiffusionPipeline::encode(const PromptInput& prompt) {
  const text::WeightedPrompt weighted = text::parse_prompt_weights(prompt.text);
  text::PromptEmbedding out = text::encode_prompt(tokenizer_, text_encoder_, weighted.text);
  std::vector<text::WeightedSpan> spans = weighted.spans;
  spans.insert(spans.end(), prompt.emphasis.begin(), prompt.emphasis.end());
  out.states = text::apply_token_weights(out.states, text::token_weights(out.encoding, spans));
  return out;
}

std::vector<GeneratedImage> StableDiffusionPipeline::generate(const PromptInput& prompt,
                                                              const GenerationOptions& options,
                                                              const std::vector<Start>& starts,
                                                              const ProgressCallback& progress,
                                                              const Cancellation& cancellation) {
  const at::InferenceMode inference;
  const int multiple = static_cast<int>(vae_->config().downscale());
  const int width = options.width > 0 ? options.width : default_width();
  const int height = options.height > 0 ? options.height : default_height();
  for (int side : {width, height}) {
    if (side % multiple != 0 || side < multiple || side > kMaxSide) {
      throw Error(ErrorKind::usage,
                  "size " + std::to_string(width) + "x" + std::to_string(height) +
                      ": both sides must be multiples of " + std::to_string(multiple) + " from " +
                      std::to_string(multiple) + " to " + std::to_string(kMaxSide));
    }
  }
  if (!(options.guidance_scale >= 0 && options.guidance_scale <= 1000)) {
    throw Error(ErrorKind::usage, "guidance scale must be from 0 to 1000");
  }

  return with_memory_errors([&] {
    const at::Tensor prompt_embeds = encode(prompt).states;
    at::Tensor negative_embeds;
    if (options.guidance_scale > 1.0)
      negative_embeds = encode({options.negative_prompt, {}}).states;

    // Pictures that enter the schedule at the same step go through the UNet together.
    std::map<std::size_t, std::vector<std::size_t>> groups;
    std::vector<at::Tensor> latents(starts.size());
    int total_steps = 0;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const Start& start = starts[i];
      const auto scheduler =
          schedulers::make_scheduler(options.scheduler, scheduler_config_, options.steps);
      const std::size_t steps = scheduler->timesteps().size();
      at::Generator generator = seeded(start.seed);
      const auto draw = [&](at::IntArrayRef shape) {
        return at::randn(shape, generator, at::TensorOptions().dtype(at::kFloat));
      };
      std::size_t first = 0;
      if (start.latents.defined()) {
        if (!(start.strength > 0 && start.strength <= 1)) {
          throw Error(ErrorKind::usage, "strength must be above 0 and at most 1");
        }
        const auto run =
            std::min<std::size_t>(static_cast<std::size_t>(options.steps * start.strength), steps);
        first = steps - run;
        if (run == 0) {
          throw Error(ErrorKind::usage, "strength " + std::to_string(start.strength) + " of " +
                                            std::to_string(options.steps) +
                                            " steps is not one whole step");
        }
        if (start.encoded_with_seed) draw(start.latents.sizes());
        latents[i] = scheduler->add_noise(start.latents, draw(start.latents.sizes()), first);
      } else {
        latents[i] = draw({1, unet_->config().in_channels, height / multiple, width / multiple}) *
                     scheduler->init_noise_sigma();
      }
      groups[first].push_back(i);
    }
    for (const auto& [first, members] : groups)
      total_steps += options.steps - static_cast<int>(first);

    int done = 0;
    std::vector<GeneratedImage> out(starts.size());
    for (const auto& [first, members] : groups) {
      const auto scheduler =
          schedulers::make_scheduler(options.scheduler, scheduler_config_, options.steps);
      std::vector<at::Tensor> batch;
      for (std::size_t i : members) batch.push_back(latents[i]);
      const DenoiseInput input{at::cat(batch),  prompt_embeds,
                               negative_embeds, options.guidance_scale,
                               first,           seeded(starts[members.front()].seed)};
      const at::Tensor clean = denoise(
          unet_, *scheduler, input, execution_,
          [&](std::size_t, const at::Tensor&) {
            ++done;
            if (progress) progress(done, total_steps);
          },
          cancellation);
      if (!at::isfinite(clean).all().item<bool>()) {
        throw Error(ErrorKind::resource,
                    "the UNet's numbers overflowed (NaN): run with --dtype fp32 or bf16, or check "
                    "the model's weights");
      }
      const std::vector<Image> images = decode(clean);
      for (std::size_t k = 0; k < members.size(); ++k) {
        const std::size_t i = members[k];
        out[i] = {images[k],
                  clean.slice(0, static_cast<std::int64_t>(k), static_cast<std::int64_t>(k) + 1)
                      .cpu()
                      .clone(),
                  starts[i].seed};
      }
    }
    return out;
  });
}

std::vector<Image> StableDiffusionPipeline::decode(const at::Tensor& latents) {
  const at::InferenceMode inference;
  const auto& config = vae_->config();
  const at::Tensor unscaled =
      (latents.to(vae_execution_.device) / config.scaling_factor + config.shift_factor)
          .to(vae_execution_.dtype);
  const at::Tensor pixels = vae_->decode(unscaled);
  if (!at::isfinite(pixels).all().item<bool>()) {
    throw Error(ErrorKind::resource,
                "the VAE's numbers overflowed (NaN): run with --dtype fp32 or bf16");
  }
  return to_images(pixels);
}

Start StableDiffusionPipeline::encode_start(const Image& image, std::uint64_t seed, double strength,
                                            int width, int height) {
  const at::InferenceMode inference;
  const auto& config = vae_->config();
  const int multiple = static_cast<int>(config.downscale());
  const int to_width = width > 0 ? width : image.width / multiple * multiple;
  const int to_height = height > 0 ? height : image.height / multiple * multiple;
  if (to_width < multiple || to_height < multiple) {
    throw Error(ErrorKind::usage, "the init image is " + std::to_string(image.width) + "x" +
                                      std::to_string(image.height) +
                                      " pixels, smaller than one latent");
  }
  const bool resized = to_width != image.width || to_height != image.height;
  const Image fitted = resized ? resize(image, to_width, to_height, Resample::lanczos) : image;
  return with_memory_errors([&] {
    const at::Tensor pixels = to_pixels(fitted).to(vae_execution_.device, vae_execution_.dtype);
    const at::Tensor sample = vae_->encode(pixels).sample(seeded(seed)).to(at::kFloat);
    const at::Tensor latents = (sample - config.shift_factor) * config.scaling_factor;
    return Start{seed, latents.cpu(), strength, /*encoded_with_seed=*/true};
  });
}

std::vector<nn::LoraReport> StableDiffusionPipeline::set_loras(
    const std::vector<LoraSelection>& loras) {
  if (loras == loras_) return lora_reports_;
  std::vector<io::LoraFile> files;
  for (const LoraSelection& lora : loras) files.push_back(io::read_lora(lora.path));
  const auto clear = [&] {
    nn::clear_lora(*unet_);
    nn::clear_lora(*text_encoder_);
    loras_.clear();
    lora_reports_.clear();
  };
  clear();
  try {
    for (std::size_t i = 0; i < loras.size(); ++i) {
      // A file that names no component is the UNet's.
      nn::LoraReport report = nn::apply_lora(*unet_, files[i], "unet", loras[i].weight);
      report += nn::apply_lora(*unet_, files[i], "", loras[i].weight);
      report += nn::apply_lora(*text_encoder_, files[i], "text_encoder", loras[i].weight);
      report.total = files[i].tensors;
      if (report.applied == 0) {
        throw Error(ErrorKind::mismatch,
                    "the LoRA " + loras[i].path.string() + " fits nothing in this model: 0 of " +
                        std::to_string(report.total) + " tensors applied (first: " +
                        (report.skipped.empty() ? "none" : report.skipped.front()) + ")");
      }
      lora_reports_.push_back(std::move(report));
    }
  } catch (...) {
    clear();
    throw;
  }
  loras_ = loras;
  return lora_reports_;
}

}  // namespace omr::pipeline
