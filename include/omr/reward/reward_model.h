// The judge of pictures, with NF4 linears and a LoRA adapter on top (QLoRA, arXiv 2305.14314): a
// CLIP dual tower in PickScore's form (arXiv 2305.01569), score = exp(logit_scale) · cos(text,
// image), or ImageReward, which reads text and picture together. D is the width of the space in
// which texts and pictures can be compared: CLIP's projection, or BLIP's contrastive one under
// ImageReward.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/image.h"
#include "omr/io/weights.h"
#include "omr/nn/execution.h"
#include "omr/nn/lora.h"
#include "omr/nn/model_offload.h"

namespace omr::reward {

enum class RewardQuantization { nf4, none };

// "nf4" or "none". Throws Error(usage) for another word.
RewardQuantization parse_reward_quantization(const std::string& name);

struct RewardOptions {
  RewardQuantization quantization = RewardQuantization::nf4;
  bool use_adapter = true;        // false: the base model alone
  std::filesystem::path adapter;  // a PEFT folder; empty: `adapter` of the model's folder, if there
};

// The weights of a reward model's folder, by whichever name its kind has. Throws as
// io::Weights::open does.
io::Weights open_reward_weights(const std::filesystem::path& folder);

class RewardTower;

class RewardModel {
 public:
  // Opens a folder of CLIPModel (config.json, model.safetensors, preprocessor_config.json and the
  // tokenizer's files), of OpenCLIP (open_clip_model.safetensors and the tokenizer's files), or of
  // ImageReward (ImageReward.safetensors, BERT's vocab.txt). Throws Error(io), Error(format),
  // Error(mismatch) when the parts do not fit each other or nothing of the adapter fits the model.
  static RewardModel open(const std::filesystem::path& folder, const RewardOptions& options,
                          const nn::ExecutionOptions& execution);

  // Unit vectors, fp32 [n, D] on the CPU, without gradient. Texts are cut at the model's
  // longest. Throws Error(usage) for text that is not UTF-8.
  at::Tensor embed_text(const std::vector<std::string>& texts);
  // The same for pictures of any size. Throws Error(mismatch) for an empty picture.
  at::Tensor embed_images(const std::vector<Image>& images);

  // How well each picture [m] shows each text [n], [n, m]: R_pref before it is standardised over a
  // session. CLIP: scores() of the embeddings. ImageReward: its own score.
  at::Tensor preferences(const std::vector<std::string>& texts, const std::vector<Image>& images);
  // Whether preferences() are what scores() makes of embeddings.
  bool scores_embeddings() const;

  // For training through the model: pixels [n, 3, H, W] in [-1, 1], gradients flow to them. Unit
  // vectors [n, D] and the preference of each text for its own pixels, [n], on the model's device.
  // The model's own parameters get no gradient.
  at::Tensor embed_pixels(const at::Tensor& pixels);
  at::Tensor preferences_of(const std::vector<std::string>& texts, const at::Tensor& pixels);

  // exp(logit_scale).
  double logit_scale() const;
  // logit_scale * cosines, [n, m], of embeddings [n, D] and [m, D].
  at::Tensor scores(const at::Tensor& text_embeddings, const at::Tensor& image_embeddings) const;

  // What became of the adapter; empty without one.
  const std::optional<nn::LoraReport>& adapter_report() const { return adapter_report_; }

  // How the model takes turns with others on its device.
  nn::ModelOffload::Move move();

 private:
  explicit RewardModel(std::shared_ptr<RewardTower> tower);

  std::shared_ptr<RewardTower> tower_;
  std::optional<nn::LoraReport> adapter_report_;
};

}  // namespace omr::reward
