// The judge of pictures: a CLIP dual tower with NF4 linears and a LoRA adapter on top (QLoRA, arXiv
// 2305.14314), in PickScore's form (arXiv 2305.01569): score = exp(logit_scale) · cos(text, image).
// D is the model's projection_dim.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/image.h"
#include "omr/nn/execution.h"
#include "omr/nn/lora.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/image_processor.h"
#include "omr/text/clip_tokenizer.h"

namespace omr::reward {

enum class RewardQuantization { nf4, none };

// "nf4" or "none". Throws Error(usage) for another word.
RewardQuantization parse_reward_quantization(const std::string& name);

struct RewardOptions {
  RewardQuantization quantization = RewardQuantization::nf4;
  bool use_adapter = true;        // false: the base model alone
  std::filesystem::path adapter;  // a PEFT folder; empty: `adapter` of the model's folder, if there
};

class RewardModel {
 public:
  // Opens a folder with config.json, model.safetensors, preprocessor_config.json and the
  // tokenizer's files. Throws Error(io), Error(format), Error(mismatch) when the parts do not fit
  // each other or nothing of the adapter fits the model.
  static RewardModel open(const std::filesystem::path& folder, const RewardOptions& options,
                          const nn::ExecutionOptions& execution);

  // Unit vectors, fp32 [n, D] on the CPU, without gradient. Texts are cut at the tokenizer's
  // model_max_length. Throws Error(usage) for text that is not UTF-8.
  at::Tensor embed_text(const std::vector<std::string>& texts);
  // The same for pictures of any size. Throws Error(mismatch) for an empty picture.
  at::Tensor embed_images(const std::vector<Image>& images);

  // exp(logit_scale).
  double logit_scale() const;
  // logit_scale * cosines, [n, m], of embeddings [n, D] and [m, D].
  at::Tensor scores(const at::Tensor& text_embeddings, const at::Tensor& image_embeddings) const;

  // What became of the adapter; empty without one.
  const std::optional<nn::LoraReport>& adapter_report() const { return adapter_report_; }
  const text::CLIPTokenizer& tokenizer() const { return tokenizer_; }
  const CLIPImageProcessor& image_processor() const { return image_processor_; }
  CLIPModel& model() { return model_; }

 private:
  RewardModel(CLIPModel model, text::CLIPTokenizer tokenizer, CLIPImageProcessor image_processor,
              const nn::ExecutionOptions& execution);

  CLIPModel model_;
  text::CLIPTokenizer tokenizer_;
  CLIPImageProcessor image_processor_;
  nn::ExecutionOptions execution_;
  std::optional<nn::LoraReport> adapter_report_;
};

}  // namespace omr::reward
