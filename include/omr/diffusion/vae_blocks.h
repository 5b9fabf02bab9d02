// The two halves of the KL autoencoder (diffusers models/autoencoders/vae.py, Encoder and Decoder).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/diffusion/attention.h"
#include "omr/diffusion/resampling.h"
#include "omr/diffusion/resnet_block_2d.h"
#include "omr/nn/layers.h"

namespace omr::diffusion {

struct AutoencoderKLConfig;

// One-headed self attention over all positions of the lowest level, with a residual.
class VaeAttentionImpl : public torch::nn::Module {
 public:
  VaeAttentionImpl(std::int64_t channels, std::int64_t groups);
  at::Tensor forward(const at::Tensor& x);  // [B, C, H, W]

 private:
  nn::GroupNorm group_norm{nullptr};
  nn::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr}, to_out_0{nullptr};
};
TORCH_MODULE(VaeAttention);

// UNetMidBlock2D without timesteps.
class VaeMidBlockImpl : public torch::nn::Module {
 public:
  VaeMidBlockImpl(std::int64_t channels, const AutoencoderKLConfig& config);
  at::Tensor forward(at::Tensor x);

 private:
  std::vector<ResnetBlock2D> resnets_;
  VaeAttention attention_{nullptr};
};
TORCH_MODULE(VaeMidBlock);

// DownEncoderBlock2D or UpDecoderBlock2D: residual blocks, then a change of size but at the last
// level.
class VaeLevelImpl : public torch::nn::Module {
 public:
  enum class Resample { none, down, up };
  VaeLevelImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t num_layers,
               Resample resample, const AutoencoderKLConfig& config);
  at::Tensor forward(at::Tensor x);

 private:
  std::vector<ResnetBlock2D> resnets_;
  Downsample2D downsampler_{nullptr};
  Upsample2D upsampler_{nullptr};
};
TORCH_MODULE(VaeLevel);

class VaeEncoderImpl : public torch::nn::Module {
 public:
  explicit VaeEncoderImpl(const AutoencoderKLConfig& config);
  at::Tensor forward(const at::Tensor& pixels);  // -> moments [B, 2*latent_channels, h, w]

 private:
  nn::Activation activation_;
  nn::Conv2d conv_in{nullptr};
  std::vector<VaeLevel> down_blocks_;
  VaeMidBlock mid_block{nullptr};
  nn::GroupNorm conv_norm_out{nullptr};
  nn::Conv2d conv_out{nullptr};
};
TORCH_MODULE(VaeEncoder);

class VaeDecoderImpl : public torch::nn::Module {
 public:
  explicit VaeDecoderImpl(const AutoencoderKLConfig& config);
  at::Tensor forward(const at::Tensor& latents);  // -> pixels [B, 3, H, W]

 private:
  nn::Activation activation_;
  nn::Conv2d conv_in{nullptr};
  VaeMidBlock mid_block{nullptr};
  std::vector<VaeLevel> up_blocks_;
  nn::GroupNorm conv_norm_out{nullptr};
  nn::Conv2d conv_out{nullptr};
};
TORCH_MODULE(VaeDecoder);

}  // namespace omr::diffusion
