#include "omr/pipeline/stable_diffusion_pipeline.h"

#include <algorithm>
#include <map>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/core/log.h"
#include "omr/pipeline/denoise.h"
#include "omr/pipeline/image_tensor.h"

#include "pipeline/memory_errors.h"

namespace omr::pipeline {
namespace {

constexpr int kMaxSide = 8192;

}  // namespace

StableDiffusionPipeline::StableDiffusionPipeline(text::CLIPTokenizer tokenizer,
                                                 text::CLIPTextModel text_encoder,
                                                 diffusion::UNet2DConditionModel unet,
                                                 diffusion::AutoencoderKL vae)
    : tokenizer_(std::move(tokenizer)),
      text_encoder_(std::move(text_encoder)),
      unet_(std::move(unet)),
      vae_(std::move(vae)) {}

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
