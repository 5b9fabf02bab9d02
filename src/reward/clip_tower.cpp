#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/Functions.h>

#include "omr/core/error.h"
#include "omr/reward/clip_model.h"
#include "omr/text/clip_tokenizer.h"

#include "reward/open_clip.h"
#include "reward/reward_tower.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

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

CLIPImageProcessorConfig processor_config(const fs::path& folder, const CLIPConfig& config) {
  const fs::path path = folder / "preprocessor_config.json";
  const bool is_hugging_face = fs::exists(folder / "config.json");
  if (is_hugging_face || fs::exists(path)) return read_clip_image_processor_config(path);
  return open_clip_image_processor_config(folder, config);
}

class CLIPTower : public RewardTower {
 public:
  CLIPTower(const fs::path& folder, bool to_nf4, const nn::ExecutionOptions& execution)
      : model_(load_clip_model(folder, execution, to_nf4)),
        tokenizer_(text::CLIPTokenizer::from_folder(folder)),
        image_processor_(processor_config(folder, model_->config())),
        execution_(execution) {
    check_parts(model_->config(), tokenizer_, image_processor_, folder);
  }

  at::Tensor embed_text(const std::vector<std::string>& texts) override {
    const std::int64_t limit =
        std::min(tokenizer_.model_max_length(), model_->config().text.max_position_embeddings);
    std::vector<at::Tensor> features = {at::empty({0, model_->config().projection_dim})};
    for (std::size_t from = 0; from < texts.size(); from += kRewardBatch) {
      const std::size_t to = std::min(from + kRewardBatch, texts.size());
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

  at::Tensor embed_images(const std::vector<Image>& images) override {
    std::vector<at::Tensor> features = {at::empty({0, model_->config().projection_dim})};
    for (std::size_t from = 0; from < images.size(); from += kRewardBatch) {
      const std::size_t count = std::min(kRewardBatch, images.size() - from);
      const at::Tensor batch = pixel_batch(image_processor_, images.data() + from, count,
                                           model_->config().vision.image_size, execution_);
      features.push_back(normalize(model_->get_image_features(batch)).cpu());
    }
    return at::cat(features);
  }

  at::Tensor embed_pixels(const at::Tensor& pixels) override {
    const at::Tensor batch = image_processor_.differentiable(pixels.to(execution_.device));
    return normalize(model_->get_image_features(batch.to(execution_.dtype)));
  }

  double logit_scale() const override {
    return std::exp(model_->logit_scale.to(at::kDouble).item<double>());
  }
  torch::nn::Module& module() override { return *model_; }

 private:
  CLIPModel model_;
  text::CLIPTokenizer tokenizer_;
  CLIPImageProcessor image_processor_;
  nn::ExecutionOptions execution_;
};

}  // namespace

std::unique_ptr<RewardTower> open_clip_tower(const fs::path& folder, bool to_nf4,
                                             const nn::ExecutionOptions& execution) {
  return std::make_unique<CLIPTower>(folder, to_nf4, execution);
}

}  // namespace omr::reward
