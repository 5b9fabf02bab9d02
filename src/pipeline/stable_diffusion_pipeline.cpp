#include "omr/pipeline/stable_diffusion_pipeline.h"

#include <algorithm>
#include <map>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/util/Exception.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/core/resample.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/model_files.h"
#include "omr/pipeline/prediction_probe.h"

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
  const ModelFiles files = ModelFiles::open(folder);
  nn::ExecutionOptions vae_execution = execution;
  if (execution.dtype == at::kHalf && files.vae.boolean("force_upcast", false)) {
    vae_execution.dtype = at::kFloat;
  }
  StableDiffusionPipeline out(
      text::CLIPTokenizer::from_folder(files.tokenizer, files.pad_token),
      text::load_clip_text_model(files.text_encoder, files.text_encoder_weights, execution),
      diffusion::load_unet(files.unet, files.unet_weights, execution),
      diffusion::load_vae(files.vae, files.vae_weights, vae_execution));
  out.execution_ = execution;
  out.vae_execution_ = vae_execution;
  out.check_parts(folder.root.string());
  out.take_scheduler(folder, files);
  return out;
}

void StableDiffusionPipeline::check_parts(const std::string& model) const {
  const auto& unet = unet_->config();
  const std::int64_t width = text_encoder_->config().encoder.hidden_size;
  if (unet.cross_attention_dim != width) {
    throw Error(ErrorKind::mismatch, model + ": the UNet expects a text encoder " +
                                         std::to_string(unet.cross_attention_dim) +
                                         " wide, text_encoder is " + std::to_string(width) +
                                         " wide");
  }
  // An inpainting UNet also sees the masked picture's latents and the mask.
  const std::int64_t latent = vae_->config().latent_channels;
  if ((unet.in_channels != latent && unet.in_channels != 2 * latent + 1) ||
      unet.out_channels != latent) {
    throw Error(ErrorKind::mismatch, model + ": the UNet maps " + std::to_string(unet.in_channels) +
                                         " to " + std::to_string(unet.out_channels) +
                                         " channels, the VAE has " + std::to_string(latent));
  }
}

void StableDiffusionPipeline::take_scheduler(const ModelFolder& folder, const ModelFiles& files) {
  std::string prediction = folder.prediction_type;
  if (prediction.empty() && files.prediction) prediction = files.prediction->prediction_type;
  // A file that says nothing is asked itself; so is one that the user contradicts, to warn in time.
  const bool stated = files.scheduler || files.prediction;
  std::string probed;
  if (!stated || !folder.prediction_type.empty()) {
    probed = prediction_type_of(noise_correlation(unet_, execution_));
  }
  if (prediction.empty() && !files.scheduler) {
    prediction = probed;
    log::info(folder.root.string() +
              " does not say what its UNet predicts; tried out, it answers like " + prediction +
              " (--prediction overrides)");
  }
  if (!folder.prediction_type.empty() && probed != prediction && prediction != "sample") {
    log::warn("--prediction " + prediction + ": the UNet of " + folder.root.string() +
              " answers like one of " + probed +
              "; pictures of noise or flat colour are the sign of a wrong choice");
  }
  if (files.scheduler) {
    io::Json json = files.scheduler->json();
    if (!prediction.empty()) json["prediction_type"] = prediction;
    scheduler_file_ = io::Config(std::move(json), files.scheduler->where());
    sample_size_ = unet_->config().sample_size;
  } else {
    scheduler_file_ =
        io::Config(io::scheduler_config_of(*files.family, prediction), folder.root.string());
    // Latents of 512 pixels, or of 768 for the v-prediction model.
    sample_size_ = prediction == "v_prediction" ? 96 : 64;
  }
  scheduler_config_ = read_scheduler_config(scheduler_file_);
  const auto named = scheduler_of_config(scheduler_file_);
  if (!named) {
    log::warn(scheduler_file_.where() + ": omr has no " +
              scheduler_file_.text("_class_name", "scheduler") + "; pictures are drawn with " +
              schedulers::to_string(default_scheduler_) + " unless --scheduler names another");
  }
  default_scheduler_ = named.value_or(default_scheduler_);
}

int StableDiffusionPipeline::default_width() const {
  return static_cast<int>(sample_size_ * vae_->config().downscale());
}

int StableDiffusionPipeline::default_height() const { return default_width(); }

text::PromptEmbedding StableDiffusionPipeline::encode(const PromptInput& prompt) {
  const text::WeightedPrompt weighted = text::parse_prompt_weights(prompt.text);
  std::vector<text::WeightedSpan> spans = weighted.spans;
  spans.insert(spans.end(), prompt.emphasis.begin(), prompt.emphasis.end());
  return text::encode_weighted_prompt(tokenizer_, text_encoder_, weighted.text, spans,
                                      weighted.breaks);
}

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

at::Tensor StableDiffusionPipeline::encode_pixels(const at::Tensor& pixels,
                                                  at::Generator generator) {
  const auto& config = vae_->config();
  const at::Tensor sample = vae_->encode(pixels.to(vae_execution_.device, vae_execution_.dtype))
                                .sample(generator)
                                .to(at::kFloat);
  return ((sample - config.shift_factor) * config.scaling_factor).cpu();
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
    const text::PromptEmbedding encoded = encode(prompt);
    if (encoded.chunks.size() > 1) {
      log::info("the prompt is longer than the text encoder's " +
                std::to_string(tokenizer_.model_max_length() - 2) + " tokens: encoded in " +
                std::to_string(encoded.chunks.size()) + " chunks");
    }
    at::Tensor prompt_embeds = encoded.states;
    at::Tensor negative_embeds;
    if (options.guidance_scale > 1.0) {
      negative_embeds = encode({options.negative_prompt, {}}).states;
      // Both go through the UNet in one batch: the shorter one gets empty prompts behind it.
      at::Tensor& shorter =
          prompt_embeds.size(1) < negative_embeds.size(1) ? prompt_embeds : negative_embeds;
      const std::int64_t most = std::max(prompt_embeds.size(1), negative_embeds.size(1));
      if (shorter.size(1) < most) {
        const at::Tensor empty = encode({"", {}}).states;
        while (shorter.size(1) < most) shorter = at::cat({shorter, empty}, 1);
      }
    }

    // Pictures that enter the schedule at the same step go through the UNet together.
    using Group = std::pair<std::size_t, bool>;  // first call, with a mask
    std::map<Group, std::vector<std::size_t>> groups;
    std::vector<PreparedStart> prepared;
    const schedulers::SchedulerConfig config =
        read_scheduler_config(scheduler_file_, options.scheduler);
    int total_steps = 0;
    for (const Start& start : starts) {
      const auto scheduler = schedulers::make_scheduler(options.scheduler, config, options.steps);
      prepared.push_back(
          prepare(start, *scheduler, options.steps, height / multiple, width / multiple));
      std::vector<std::size_t>& group =
          groups[{prepared.back().first_call, prepared.back().mask.defined()}];
      if (group.empty()) {
        total_steps += static_cast<int>(scheduler->timesteps().size() - prepared.back().first_call);
      }
      group.push_back(prepared.size() - 1);
    }

    int done = 0;
    std::vector<GeneratedImage> out(starts.size());
    for (const auto& [group, members] : groups) {
      const auto scheduler = schedulers::make_scheduler(options.scheduler, config, options.steps);
      const auto batch = [&, &members = members](at::Tensor PreparedStart::*part) {
        std::vector<at::Tensor> parts;
        for (std::size_t i : members) parts.push_back(prepared[i].*part);
        return parts.front().defined() ? at::cat(parts) : at::Tensor();
      };
      DenoiseInput input{batch(&PreparedStart::latents), prompt_embeds, negative_embeds,
                         options.guidance_scale, group.first};
      input.more_channels = batch(&PreparedStart::more_channels);
      input.mask = batch(&PreparedStart::mask);
      input.original = batch(&PreparedStart::original);
      input.noise = batch(&PreparedStart::noise);
      for (std::size_t i : members) input.generators.push_back(prepared[i].generator);
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
  return with_memory_errors([&] {
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
