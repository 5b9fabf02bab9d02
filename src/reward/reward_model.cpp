#include "omr/reward/reward_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "omr/core/error.h"
#include "omr/io/lora_file.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

// Bounds the memory of one pass; rounds have fewer candidates and texts than this.
constexpr std::size_t kBatch = 32;

void check_parts(const CLIPConfig& config, const text::CLIPTokenizer& tokenizer,
                 const CLIPImageProcessor& processor, const fs::path& folder) {
  const std::int64_t side = config.vision.image_size;
  const ImageSize made = processor.output_size(static_cast<int>(side), static_cast<int>(side));
  if (made.height != side || made.width != side) {
    throw Error(ErrorKind::mismatch,
                folder.string() + ": preprocessor_config.json makes pictures of " +
                    std::to_string(made.width) + "x" + std::to_string(made.height) +
                    ", the model in config.json takes " + std::to_string(side) + "x" +
                    std::to_string(side));
  }
  if (tokenizer.vocab_size() > config.text.vocab_size) {
    throw Error(ErrorKind::mismatch, folder.string() + ": the tokenizer has " +
                                         std::to_string(tokenizer.vocab_size()) +
                                         " tokens, the model in config.json only " +
                                         std::to_string(config.text.vocab_size));
  }
}

std::optional<fs::path> adapter_folder(const fs::path& folder, const RewardOptions& options) {
  if (!options.use_adapter) return std::nullopt;
  if (!options.adapter.empty()) return options.adapter;
  const fs::path own = folder / "adapter";
  return fs::exists(own) ? std::optional(own) : std::nullopt;
}

nn::LoraReport put_on(CLIPModelImpl& model, const fs::path& adapter) {
  nn::LoraReport report = nn::apply_lora(model, io::read_peft_adapter(adapter), "");
  if (report.applied == 0) {
    throw Error(
        ErrorKind::mismatch,
        "the adapter " + adapter.string() + " is not for this reward model: none of its " +
            std::to_string(report.total) + " tensors fits a layer" +
            (report.skipped.empty() ? "" : " (the first is for " + report.skipped[0] + ")"));
  }
  return report;
}

}  // namespace

RewardQuantization parse_reward_quantization(const std::string& name) {
  if (name == "nf4") return RewardQuantization::nf4;
  if (name == "none") return RewardQuantization::none;
  throw Error(ErrorKind::usage, "reward quantisation is nf4 or none, not '" + name + "'");
}

RewardModel::RewardModel(CLIPModel model, text::CLIPTokenizer tokenizer,
                         CLIPImageProcessor image_processor, const nn::ExecutionOptions& execution)
    : model_(std::move(model)),
      tokenizer_(std::move(tokenizer)),
      image_processor_(std::move(image_processor)),
      execution_(execution) {}

RewardModel RewardModel::open(const fs::path& folder, const RewardOptions& options,
                              const nn::ExecutionOptions& execution) {
  RewardModel reward(
      load_clip_model(folder, execution), text::CLIPTokenizer::from_folder(folder),
      CLIPImageProcessor(read_clip_image_processor_config(folder / "preprocessor_config.json")),
      execution);
  check_parts(reward.model_->config(), reward.tokenizer_, reward.image_processor_, folder);
  if (options.quantization == RewardQuantization::nf4) quantize_nf4(*reward.model_);
  if (const auto adapter = adapter_folder(folder, options)) {
    reward.adapter_report_ = put_on(*reward.model_, *adapter);
  }
  return reward;
}

at::Tensor RewardModel::embed_text(const std::vector<std::string>& texts) {
  const at::NoGradGuard no_grad;
  const std::int64_t limit =
      std::min(tokenizer_.model_max_length(), model_->config().text.max_position_embeddings);
  std::vector<at::Tensor> features = {at::empty({0, model_->config().projection_dim})};
  for (std::size_t from = 0; from < texts.size(); from += kBatch) {
    const std::size_t to = std::min(from + kBatch, texts.size());
    std::vector<text::Encoding> encodings;
    std::size_t longest = 0;
    for (std::size_t i = from; i < to; ++i) {
      encodings.push_back(tokenizer_.encode(texts[i], limit));
      longest = std::max(longest, encodings.back().tokens.size());
    }
    // Padding is after the end that is pooled, and attention is causal: it need not be computed.
    std::vector<std::int64_t> ids;
    for (const text::Encoding& encoding : encodings) {
      ids.insert(ids.end(), encoding.ids.begin(),
                 encoding.ids.begin() + static_cast<std::ptrdiff_t>(longest));
    }
    const at::Tensor batch =
        at::tensor(ids, at::kLong).view({static_cast<std::int64_t>(to - from), -1});
    features.push_back(normalize(model_->get_text_features(batch.to(execution_.device))).cpu());
  }
  return at::cat(features);
}

at::Tensor RewardModel::embed_images(const std::vector<Image>& images) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> features = {at::empty({0, model_->config().projection_dim})};
  for (std::size_t from = 0; from < images.size(); from += kBatch) {
    const std::size_t to = std::min(from + kBatch, images.size());
    std::vector<at::Tensor> pixels;
    for (std::size_t i = from; i < to; ++i) {
      pixels.push_back(image_processor_(images[i]));
      // Checked here too: pictures of unlike proportions may come out in unlike sizes.
      if (pixels.back().sizes() != pixels.front().sizes()) {
        throw Error(ErrorKind::mismatch,
                    "the reward model's preprocessor_config.json keeps each picture's proportions "
                    "and does not crop; its model takes squares only");
      }
    }
    const at::Tensor batch = at::stack(pixels).to(execution_.device, execution_.dtype);
    features.push_back(normalize(model_->get_image_features(batch)).cpu());
  }
  return at::cat(features);
}

double RewardModel::logit_scale() const {
  return std::exp(model_->logit_scale.to(at::kDouble).item<double>());
}

at::Tensor RewardModel::scores(const at::Tensor& text_embeddings,
                               const at::Tensor& image_embeddings) const {
  return text_embeddings.matmul(image_embeddings.t()) * logit_scale();
}

}  // namespace omr::reward
