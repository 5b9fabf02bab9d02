#include <algorithm>
#include <utility>

#include <ATen/Functions.h>

#include "omr/core/error.h"
#include "omr/reward/clip_model.h"
#include "omr/reward/image_reward.h"
#include "omr/text/bert_tokenizer.h"

#include "reward/reward_tower.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

// Tokens of a prompt that ImageReward was trained on, [CLS] and [SEP] among them.
constexpr std::size_t kPromptTokens = 35;
// BLIP's contrastive temperature at the start of its training; ImageReward's files leave it out.
constexpr double kLogitScale = 1 / 0.07;

CLIPImageProcessorConfig processor_config(std::int64_t side) {
  CLIPImageProcessorConfig out;
  out.shortest_edge = side;
  out.crop_size = {side, side};
  return out;
}

class ImageRewardTower : public RewardTower {
 public:
  ImageRewardTower(const fs::path& folder, bool to_nf4, const nn::ExecutionOptions& execution)
      : model_(load_image_reward(folder, execution, to_nf4)),
        tokenizer_(text::BertTokenizer::open(folder / "vocab.txt")),
        image_processor_(processor_config(model_->config().image_size)),
        execution_(execution) {
    if (tokenizer_.vocab_size() <= model_->config().vocab_size) return;
    throw Error(ErrorKind::mismatch,
                folder.string() + ": vocab.txt has " + std::to_string(tokenizer_.vocab_size()) +
                    " pieces, the model only " + std::to_string(model_->config().vocab_size));
  }

  at::Tensor embed_text(const std::vector<std::string>& texts) override {
    std::vector<at::Tensor> features = {at::empty({0, model_->config().projection_dim})};
    for (const std::string& text : texts) {
      features.push_back(normalize(model_->text_features(ids(text))).cpu());
    }
    return at::cat(features);
  }

  at::Tensor embed_images(const std::vector<Image>& images) override {
    std::vector<at::Tensor> features = {at::empty({0, model_->config().projection_dim})};
    for_states(images, [&](const at::Tensor& states) {
      features.push_back(normalize(model_->image_features(states)).cpu());
    });
    return at::cat(features);
  }

  double logit_scale() const override { return kLogitScale; }
  bool scores_embeddings() const override { return false; }

  at::Tensor preferences(const std::vector<std::string>& texts,
                         const std::vector<Image>& images) override {
    const auto count = static_cast<std::int64_t>(texts.size());
    std::vector<at::Tensor> columns = {at::empty({count, 0})};
    for_states(images, [&](const at::Tensor& states) {
      std::vector<at::Tensor> rows = {at::empty({0, states.size(0)})};
      for (const std::string& text : texts) {
        rows.push_back(model_->scores(ids(text), states).cpu().unsqueeze(0));
      }
      columns.push_back(at::cat(rows));
    });
    return at::cat(columns, 1);
  }

  at::Tensor embed_pixels(const at::Tensor& pixels) override {
    return normalize(model_->image_features(states_of(pixels)));
  }

  at::Tensor preferences_of(const std::vector<std::string>& texts,
                            const at::Tensor& pixels) override {
    const at::Tensor states = states_of(pixels);
    std::vector<at::Tensor> scores;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      scores.push_back(
          model_->scores(ids(texts[i]), states.narrow(0, static_cast<std::int64_t>(i), 1)));
    }
    return at::cat(scores);
  }

  torch::nn::Module& module() override { return *model_; }

 private:
  at::Tensor ids(const std::string& text) const {
    const std::size_t length = std::min<std::size_t>(
        kPromptTokens, static_cast<std::size_t>(model_->config().max_position_embeddings));
    return at::tensor(tokenizer_.encode(text, length), at::kLong).unsqueeze(0);
  }

  at::Tensor states_of(const at::Tensor& pixels) {
    const at::Tensor batch = image_processor_.differentiable(pixels.to(execution_.device));
    return model_->image_states(batch.to(execution_.dtype));
  }

  template <typename Use>
  void for_states(const std::vector<Image>& images, const Use& use) {
    for (std::size_t from = 0; from < images.size(); from += kRewardBatch) {
      const std::size_t count = std::min(kRewardBatch, images.size() - from);
      use(model_->image_states(pixel_batch(image_processor_, images.data() + from, count,
                                           model_->config().image_size, execution_)));
    }
  }

  ImageReward model_;
  text::BertTokenizer tokenizer_;
  CLIPImageProcessor image_processor_;
  nn::ExecutionOptions execution_;
};

}  // namespace

std::unique_ptr<RewardTower> open_image_reward_tower(const fs::path& folder, bool to_nf4,
                                                     const nn::ExecutionOptions& execution) {
  return std::make_unique<ImageRewardTower>(folder, to_nf4, execution);
}

}  // namespace omr::reward
