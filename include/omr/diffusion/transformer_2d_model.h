// The transformer inside a UNet level: self attention, cross attention to the prompt, GEGLU
// (diffusers models/transformers/transformer_2d.py, models/attention.py).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/diffusion/attention.h"
#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::diffusion {

struct Transformer2DConfig {
  std::int64_t in_channels = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_layers = 1;
  std::int64_t cross_attention_dim = 0;
  std::int64_t norm_num_groups = 32;
  bool use_linear_projection = false;
  bool upcast_attention = false;
};

// net.0.proj doubles for the gate, net.2 goes back: GLU with GELU, arXiv 2002.05202.
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(std::int64_t dim);
  at::Tensor forward(const at::Tensor& x);

 private:
  nn::Linear proj_{nullptr}, out_{nullptr};
};
TORCH_MODULE(FeedForward);

class BasicTransformerBlockImpl : public torch::nn::Module {
 public:
  explicit BasicTransformerBlockImpl(const Transformer2DConfig& config);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& encoder_hidden_states);

 private:
  nn::LayerNorm norm1{nullptr};
  Attention attn1{nullptr};
  nn::LayerNorm norm2{nullptr};
  Attention attn2{nullptr};
  nn::LayerNorm norm3{nullptr};
  FeedForward ff{nullptr};
};
TORCH_MODULE(BasicTransformerBlock);

class Transformer2DModelImpl : public torch::nn::Module {
 public:
  explicit Transformer2DModelImpl(const Transformer2DConfig& config);

  // x [B, C, H, W], encoder_hidden_states [B, S, cross_attention_dim] -> [B, C, H, W]
  at::Tensor forward(const at::Tensor& x, const at::Tensor& encoder_hidden_states);

 private:
  nn::GroupNorm norm{nullptr};
  // One of each pair: SD 2.x projects tokens with a Linear, SD 1.x pixels with a 1x1 convolution.
  nn::Linear proj_in_linear_{nullptr}, proj_out_linear_{nullptr};
  nn::Conv2d proj_in_conv_{nullptr}, proj_out_conv_{nullptr};
  std::vector<BasicTransformerBlock> blocks_;
};
TORCH_MODULE(Transformer2DModel);

}  // namespace omr::diffusion
