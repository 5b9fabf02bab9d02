// What RewardModel needs of a kind of model.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include "omr/core/image.h"
#include "omr/nn/execution.h"
#include "omr/reward/image_processor.h"

namespace omr::reward {

// Bounds the memory of one pass; rounds have fewer candidates and texts than this.
inline constexpr std::size_t kRewardBatch = 32;

class RewardTower {
 public:
  virtual ~RewardTower() = default;

  // As RewardModel's functions of these names, in eval mode and without gradient.
  virtual at::Tensor embed_text(const std::vector<std::string>& texts) = 0;
  virtual at::Tensor embed_images(const std::vector<Image>& images) = 0;
  virtual double logit_scale() const = 0;
  // Of models that judge text and picture together; undefined where the score is logit_scale times
  // the cosine.
  virtual bool scores_embeddings() const { return true; }
  virtual at::Tensor preferences(const std::vector<std::string>& /*texts*/,
                                 const std::vector<Image>& /*images*/) {
    return {};
  }
  // Pixels [n, 3, H, W] in [-1, 1], with gradient -> [n, D]. preferences_of: of each text with its
  // own pixels, [n]; undefined as above.
  virtual at::Tensor embed_pixels(const at::Tensor& pixels) = 0;
  virtual at::Tensor preferences_of(const std::vector<std::string>& /*texts*/,
                                    const at::Tensor& /*pixels*/) {
    return {};
  }
  virtual torch::nn::Module& module() = 0;
};

std::unique_ptr<RewardTower> open_clip_tower(const std::filesystem::path& folder, bool to_nf4,
                                             const nn::ExecutionOptions& execution);
std::unique_ptr<RewardTower> open_image_reward_tower(const std::filesystem::path& folder,
                                                     bool to_nf4,
                                                     const nn::ExecutionOptions& execution);

// A batch of pictures as the model takes them, [n, 3, side, side]. Throws Error(mismatch) when the
// processor makes another size.
at::Tensor pixel_batch(const CLIPImageProcessor& processor, const Image* images, std::size_t count,
                       std::int64_t side, const nn::ExecutionOptions& execution);

}  // namespace omr::reward
