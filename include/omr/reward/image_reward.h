// ImageReward (Xu et al., arXiv 2304.05977; THUDM/ImageReward, ImageReward.py): BLIP (arXiv
// 2201.12086), a ViT for the picture and a BERT that reads the prompt and attends to it, and five
// linear layers that make a score of its first state. Modules have the names that
// io::image_reward_key gives. B pictures, N patches and a class, W image width, T tokens, C text
// width, D of BLIP's contrastive space.
#pragma once

#include <cstdint>
#include <filesystem>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include "omr/io/weights.h"
#include "omr/nn/conv2d.h"
#include "omr/nn/execution.h"
#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::reward {

struct ImageRewardConfig {
  std::int64_t image_size = 224;
  std::int64_t patch_size = 16;
  std::int64_t vision_width = 1024;
  std::int64_t vision_layers = 24;
  std::int64_t vision_heads = 16;
  std::int64_t vision_inner = 4096;
  std::int64_t vocab_size = 30524;
  std::int64_t max_position_embeddings = 512;
  std::int64_t text_width = 768;
  std::int64_t text_layers = 12;
  std::int64_t text_heads = 12;
  std::int64_t text_inner = 3072;
  double text_eps = 1e-12;
  std::int64_t projection_dim = 256;

  // The sizes that the tensors have; heads are 64 numbers wide, or as med_config.json of `folder`
  // says. Throws Error(mismatch | format).
  static ImageRewardConfig from(const std::filesystem::path& folder, const io::Weights& weights);
};

// A pre-norm transformer layer of timm's VisionTransformer.
class BlipVisionBlockImpl : public torch::nn::Module {
 public:
  explicit BlipVisionBlockImpl(const ImageRewardConfig& config);
  at::Tensor forward(const at::Tensor& x);  // [B, N, W]

  nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  nn::Linear qkv{nullptr}, proj{nullptr}, fc1{nullptr}, fc2{nullptr};

 private:
  std::int64_t heads_;
};
TORCH_MODULE(BlipVisionBlock);

class BlipVisionEncoderImpl : public torch::nn::Module {
 public:
  explicit BlipVisionEncoderImpl(const ImageRewardConfig& config);
  at::Tensor forward(const at::Tensor& pixel_values);  // [B, 3, H, H] -> [B, N, W]

  at::Tensor cls_token, pos_embed;  // [1, 1, W], [1, N, W]
  nn::Conv2d proj{nullptr};
  torch::nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(BlipVisionEncoder);

// Attention, the projection of what it gathered, and the norm of the sum (BertAttention).
class BertAttentionImpl : public torch::nn::Module {
 public:
  BertAttentionImpl(const ImageRewardConfig& config, std::int64_t attended_width);
  // x [B, T, C] attends to `to` [B, S, attended_width].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& to);

  nn::Linear query{nullptr}, key{nullptr}, value{nullptr}, dense{nullptr};
  nn::LayerNorm layer_norm{nullptr};

 private:
  std::int64_t heads_;
};
TORCH_MODULE(BertAttention);

class BertLayerImpl : public torch::nn::Module {
 public:
  explicit BertLayerImpl(const ImageRewardConfig& config);
  // `image` [B, N, W], or undefined: then the text is read alone.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& image);

  BertAttention attention{nullptr}, crossattention{nullptr};
  nn::Linear intermediate{nullptr}, output{nullptr};
  nn::LayerNorm layer_norm{nullptr};
};
TORCH_MODULE(BertLayer);

class BertEncoderImpl : public torch::nn::Module {
 public:
  explicit BertEncoderImpl(const ImageRewardConfig& config);
  // ids int64 [B, T] without padding -> [B, T, C].
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& image);

  nn::Embedding word_embeddings{nullptr}, position_embeddings{nullptr};
  nn::LayerNorm layer_norm{nullptr};
  torch::nn::ModuleList layers{nullptr};
};
TORCH_MODULE(BertEncoder);

class ImageRewardImpl : public torch::nn::Module {
 public:
  explicit ImageRewardImpl(const ImageRewardConfig& config);

  at::Tensor image_states(const at::Tensor& pixel_values);  // [B, 3, H, H] -> [B, N, W]
  // ids [1, T] of one prompt and the states of B pictures -> [B], standardised as its authors do.
  at::Tensor scores(const at::Tensor& ids, const at::Tensor& image_states);
  // BLIP's contrastive space, not normalised: [B, N, W] -> [B, D], ids [1, T] -> [1, D].
  at::Tensor image_features(const at::Tensor& image_states);
  at::Tensor text_features(const at::Tensor& ids);

  const ImageRewardConfig& config() const { return config_; }

 private:
  ImageRewardConfig config_;
  BlipVisionEncoder vision_{nullptr};
  BertEncoder text_{nullptr};
  nn::Linear vision_proj_{nullptr}, text_proj_{nullptr};
  torch::nn::ModuleList mlp_{nullptr};
};
TORCH_MODULE(ImageReward);

// Whether `folder` holds one: ImageReward.safetensors, or model.safetensors with its keys. Reads
// headers only.
bool is_image_reward(const std::filesystem::path& folder);

// ImageReward.safetensors, or model.safetensors, with the names that the file has.
io::Weights open_image_reward_weights(const std::filesystem::path& folder);

// Opens it, in eval mode; with `to_nf4` the linears of both encoders become NF4 as they are read.
// Throws as io::Weights::open, ImageRewardConfig::from and nn::load_weights do.
ImageReward load_image_reward(const std::filesystem::path& folder,
                              const nn::ExecutionOptions& execution, bool to_nf4);

}  // namespace omr::reward
