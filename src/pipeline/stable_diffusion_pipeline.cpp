#include "omr/pipeline/stable_diffusion_pipeline.h"

#include <string_view>
#include <utility>

#include "omr/core/error.h"

#include "pipeline/upcast_vae.h"

namespace omr::pipeline {

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
  use("text_encoder");
  const text::WeightedPrompt weighted = text::parse_prompt_weights(prompt.text);
  std::vector<text::WeightedSpan> spans = weighted.spans;
  spans.insert(spans.end(), prompt.emphasis.begin(), prompt.emphasis.end());
  return text::encode_weighted_prompt(tokenizer_, text_encoder_, weighted.text, spans,
                                      weighted.breaks);
}

void StableDiffusionPipeline::set_offload(std::shared_ptr<nn::ModelOffload> offload) {
  offload_ = std::move(offload);
  if (!offload_) return;
  offload_->add("text_encoder", nn::module_move(text_encoder_.ptr()));
  offload_->add("unet", nn::module_move(unet_.ptr()));
  offload_->add("vae", nn::module_move(vae_.ptr()));
}

void StableDiffusionPipeline::use(const char* part) {
  // A VAE that asks for fp32 rests as it is stored until it is needed.
  if (part == std::string_view("vae") && vae_execution_.dtype == at::kHalf &&
      vae_->config().force_upcast) {
    upcast_vae(vae_, vae_execution_);
  }
  if (offload_) offload_->use(part);
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
      const std::vector<std::string>& unread = files[i].unread;
      report.skipped.insert(report.skipped.end(), unread.begin(), unread.end());
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
