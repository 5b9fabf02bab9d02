#include "omr/reward/reward_model.h"

#include <utility>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "omr/core/error.h"
#include "omr/io/lora_file.h"
#include "omr/reward/image_reward.h"

#include "reward/open_clip.h"
#include "reward/reward_tower.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> adapter_folder(const fs::path& folder, const RewardOptions& options) {
  if (!options.use_adapter) return std::nullopt;
  if (!options.adapter.empty()) return options.adapter;
  const fs::path own = folder / "adapter";
  return fs::exists(own) ? std::optional(own) : std::nullopt;
}

nn::LoraReport put_on(torch::nn::Module& model, const fs::path& adapter) {
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

at::Tensor pixel_batch(const CLIPImageProcessor& processor, const Image* images, std::size_t count,
                       std::int64_t side, const nn::ExecutionOptions& execution) {
  std::vector<at::Tensor> pixels;
  for (std::size_t i = 0; i < count; ++i) {
    pixels.push_back(processor(images[i]));
    // Checked here too: pictures of unlike proportions may come out in unlike sizes.
    if (pixels.back().size(1) != side || pixels.back().size(2) != side) {
      throw Error(ErrorKind::mismatch,
                  "the reward model's preprocessor_config.json keeps each picture's proportions "
                  "and does not crop; its model takes squares only");
    }
  }
  return at::stack(pixels).to(execution.device, execution.dtype);
}

RewardQuantization parse_reward_quantization(const std::string& name) {
  if (name == "nf4") return RewardQuantization::nf4;
  if (name == "none") return RewardQuantization::none;
  throw Error(ErrorKind::usage, "reward quantisation is nf4 or none, not '" + name + "'");
}

RewardModel::RewardModel(std::shared_ptr<RewardTower> tower) : tower_(std::move(tower)) {}

io::Weights open_reward_weights(const fs::path& folder) {
  if (is_image_reward(folder)) return open_image_reward_weights(folder);
  return fs::exists(folder / "config.json") ? io::Weights::open(folder, "model")
                                            : open_open_clip_weights(folder);
}

RewardModel RewardModel::open(const fs::path& folder, const RewardOptions& options,
                              const nn::ExecutionOptions& execution) {
  const bool to_nf4 = options.quantization == RewardQuantization::nf4;
  RewardModel reward(is_image_reward(folder) ? open_image_reward_tower(folder, to_nf4, execution)
                                             : open_clip_tower(folder, to_nf4, execution));
  if (const auto adapter = adapter_folder(folder, options)) {
    reward.adapter_report_ = put_on(reward.tower_->module(), *adapter);
  }
  for (at::Tensor& parameter : reward.tower_->module().parameters())
    parameter.requires_grad_(false);
  return reward;
}

at::Tensor RewardModel::embed_text(const std::vector<std::string>& texts) {
  const at::NoGradGuard no_grad;
  return tower_->embed_text(texts);
}

at::Tensor RewardModel::embed_images(const std::vector<Image>& images) {
  const at::NoGradGuard no_grad;
  return tower_->embed_images(images);
}

at::Tensor RewardModel::preferences(const std::vector<std::string>& texts,
                                    const std::vector<Image>& images) {
  const at::NoGradGuard no_grad;
  const at::Tensor own = tower_->preferences(texts, images);
  return own.defined() ? own : scores(tower_->embed_text(texts), tower_->embed_images(images));
}

at::Tensor RewardModel::embed_pixels(const at::Tensor& pixels) {
  return tower_->embed_pixels(pixels);
}

at::Tensor RewardModel::preferences_of(const std::vector<std::string>& texts,
                                       const at::Tensor& pixels) {
  const at::Tensor own = tower_->preferences_of(texts, pixels);
  if (own.defined()) return own;
  const at::Tensor images = tower_->embed_pixels(pixels);
  const at::Tensor words = embed_text(texts).to(images.device());
  return (words * images).sum(1) * logit_scale();
}

nn::ModelOffload::Move RewardModel::move() {
  return nn::module_move(tower_->module().shared_from_this());
}

bool RewardModel::scores_embeddings() const { return tower_->scores_embeddings(); }

double RewardModel::logit_scale() const { return tower_->logit_scale(); }

at::Tensor RewardModel::scores(const at::Tensor& text_embeddings,
                               const at::Tensor& image_embeddings) const {
  return text_embeddings.matmul(image_embeddings.t()) * logit_scale();
}

}  // namespace omr::reward
