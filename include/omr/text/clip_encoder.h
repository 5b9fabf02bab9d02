// The transformer that CLIP's text and vision towers share (CLIPEncoder in
// transformers/models/clip/modeling_clip.py; Radford et al., arXiv 2103.00020). Pre-norm blocks.
// B batch, N sequence, C hidden_size.
#pragma once

#include <cstdint>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include "omr/io/json_file.h"
#include "omr/nn/activation.h"
#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::text {

// The initial values are the text tower's in CLIPTextConfig, which files may leave out.
struct CLIPEncoderConfig {
  std::int64_t hidden_size = 512;
  std::int64_t intermediate_size = 2048;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 8;
  double layer_norm_eps = 1e-5;
  nn::Activation hidden_act = nn::Activation::quick_gelu;

  // Reads the keys of these names; what is left out is as in `defaults`. Throws Error(format) for
  // an absurd size, Error(mismatch) when the heads do not divide the width.
  static CLIPEncoderConfig from(const io::Config& config, const CLIPEncoderConfig& defaults);
  static CLIPEncoderConfig from(const io::Config& config) { return from(config, {}); }
};

class CLIPAttentionImpl : public torch::nn::Module {
 public:
  CLIPAttentionImpl(const CLIPEncoderConfig& config, bool causal);
  at::Tensor forward(const at::Tensor& x);  // [B, N, C]

  nn::Linear k_proj{nullptr}, v_proj{nullptr}, q_proj{nullptr}, out_proj{nullptr};

 private:
  std::int64_t heads_;
  bool causal_;
};
TORCH_MODULE(CLIPAttention);

class CLIPMLPImpl : public torch::nn::Module {
 public:
  explicit CLIPMLPImpl(const CLIPEncoderConfig& config);
  at::Tensor forward(const at::Tensor& x);  // [B, N, C]

  nn::Linear fc1{nullptr}, fc2{nullptr};

 private:
  nn::Activation activation_;
};
TORCH_MODULE(CLIPMLP);

class CLIPEncoderLayerImpl : public torch::nn::Module {
 public:
  CLIPEncoderLayerImpl(const CLIPEncoderConfig& config, bool causal);
  at::Tensor forward(const at::Tensor& x);  // [B, N, C]

  CLIPAttention self_attn{nullptr};
  nn::LayerNorm layer_norm1{nullptr};
  CLIPMLP mlp{nullptr};
  nn::LayerNorm layer_norm2{nullptr};
};
TORCH_MODULE(CLIPEncoderLayer);

class CLIPEncoderImpl : public torch::nn::Module {
 public:
  // `causal`: a position sees itself and what is before it (text); else all positions (pictures).
  CLIPEncoderImpl(const CLIPEncoderConfig& config, bool causal);
  at::Tensor forward(const at::Tensor& x);  // [B, N, C]; no norm after the last layer

  torch::nn::ModuleList layers{nullptr};
};
TORCH_MODULE(CLIPEncoder);

}  // namespace omr::text
