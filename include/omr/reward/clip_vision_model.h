// CLIP's image tower (CLIPVisionModel in transformers/models/clip/modeling_clip.py; Radford et al.,
// arXiv 2103.00020, a ViT, arXiv 2010.11929). Modules are named as the keys below `vision_model.`.
// B batch, H = W image_size, P patch_size, N = (H/P)² + 1 positions, C hidden_size.
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/io/json_file.h"
#include "omr/nn/layers.h"
#include "omr/text/clip_encoder.h"

namespace omr::reward {

struct CLIPVisionConfig {
  text::CLIPEncoderConfig encoder;
  std::int64_t num_channels = 3;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;

  // Throws Error(format) for absurd sizes, Error(mismatch) for another architecture.
  static CLIPVisionConfig from(const io::Config& config);
};

class CLIPVisionEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit CLIPVisionEmbeddingsImpl(const CLIPVisionConfig& config);
  // [B, 3, H, W] -> [B, N, C]. What is left beside whole patches at the right and the bottom is not
  // seen. Throws Error(mismatch) for another H or W.
  at::Tensor forward(const at::Tensor& pixel_values);

  at::Tensor class_embedding;  // [C]
  nn::Conv2d patch_embedding{nullptr};
  nn::Embedding position_embedding{nullptr};

 private:
  CLIPVisionConfig config_;
};
TORCH_MODULE(CLIPVisionEmbeddings);

class CLIPVisionModelImpl : public torch::nn::Module {
 public:
  explicit CLIPVisionModelImpl(const CLIPVisionConfig& config);
  // Normalised pixels [B, 3, H, W] -> [B, C]: the class position's last state after post_layernorm.
  at::Tensor forward(const at::Tensor& pixel_values);
  // [B, N, C]: of all positions, the class position first. transformers leaves post_layernorm to
  // the pooled one; here it is on each.
  at::Tensor last_hidden_state(const at::Tensor& pixel_values);

  CLIPVisionEmbeddings embeddings{nullptr};
  nn::LayerNorm pre_layrnorm{nullptr};  // spelt so in every checkpoint
  text::CLIPEncoder encoder{nullptr};
  nn::LayerNorm post_layernorm{nullptr};

  const CLIPVisionConfig& config() const { return config_; }

 private:
  CLIPVisionConfig config_;
};
TORCH_MODULE(CLIPVisionModel);

}  // namespace omr::reward
