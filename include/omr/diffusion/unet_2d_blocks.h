// The levels of the conditional UNet (diffusers models/unets/unet_2d_blocks.py).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/diffusion/resampling.h"
#include "omr/diffusion/resnet_block_2d.h"
#include "omr/diffusion/transformer_2d_model.h"

namespace omr::diffusion {

// What one level needs to know. A level without cross attention leaves num_attention_heads at 0.
struct UNetBlockConfig {
  std::int64_t in_channels = 0;  // from the level before
  std::int64_t out_channels = 0;
  std::int64_t prev_output_channel = 0;  // up levels only: width of what comes up from below
  std::int64_t temb_channels = 0;
  std::int64_t num_layers = 1;          // residual blocks
  std::int64_t transformer_layers = 1;  // transformer blocks behind each
  std::int64_t num_attention_heads = 0;
  std::int64_t cross_attention_dim = 0;
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  nn::Activation activation = nn::Activation::silu;
  bool use_linear_projection = false;
  bool upcast_attention = false;
  bool resample = true;  // the last level keeps its size
  std::int64_t downsample_padding = 1;
  double output_scale_factor = 1.0;
};

// DownBlock2D, or CrossAttnDownBlock2D when the config has attention heads.
class UNetDownBlockImpl : public torch::nn::Module {
 public:
  explicit UNetDownBlockImpl(const UNetBlockConfig& config);
  // Returns the last feature map; every map on the way is appended to `skips`.
  at::Tensor forward(at::Tensor x, const at::Tensor& temb, const at::Tensor& encoder_hidden_states,
                     std::vector<at::Tensor>& skips);

 private:
  std::vector<ResnetBlock2D> resnets_;
  std::vector<Transformer2DModel> attentions_;
  Downsample2D downsampler_{nullptr};
};
TORCH_MODULE(UNetDownBlock);

// UpBlock2D, or CrossAttnUpBlock2D when the config has attention heads.
class UNetUpBlockImpl : public torch::nn::Module {
 public:
  explicit UNetUpBlockImpl(const UNetBlockConfig& config);
  // Takes as many maps off the end of `skips` as it has residual blocks.
  at::Tensor forward(at::Tensor x, const at::Tensor& temb, const at::Tensor& encoder_hidden_states,
                     std::vector<at::Tensor>& skips);

 private:
  std::vector<ResnetBlock2D> resnets_;
  std::vector<Transformer2DModel> attentions_;
  Upsample2D upsampler_{nullptr};
};
TORCH_MODULE(UNetUpBlock);

// UNetMidBlock2DCrossAttn.
class UNetMidBlockImpl : public torch::nn::Module {
 public:
  explicit UNetMidBlockImpl(const UNetBlockConfig& config);
  at::Tensor forward(at::Tensor x, const at::Tensor& temb, const at::Tensor& encoder_hidden_states);

 private:
  std::vector<ResnetBlock2D> resnets_;  // one more than attentions
  std::vector<Transformer2DModel> attentions_;
};
TORCH_MODULE(UNetMidBlock);

}  // namespace omr::diffusion
