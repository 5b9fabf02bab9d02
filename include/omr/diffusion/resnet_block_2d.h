// Residual convolution block with an optional timestep shift (diffusers models/resnet.py,
// ResnetBlock2D with time_embedding_norm="default").
#pragma once

#include <cstdint>
#include <optional>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/activation.h"
#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

namespace omr::diffusion {

struct ResnetBlock2DConfig {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::optional<std::int64_t> temb_channels;  // absent: no timestep (the VAE)
  std::int64_t groups = 32;
  double eps = 1e-6;
  nn::Activation activation = nn::Activation::silu;
  double output_scale_factor = 1.0;
};

class ResnetBlock2DImpl : public torch::nn::Module {
 public:
  explicit ResnetBlock2DImpl(const ResnetBlock2DConfig& config);

  // x [B, in, H, W], temb [B, temb_channels] or undefined -> [B, out, H, W]
  at::Tensor forward(const at::Tensor& x, const at::Tensor& temb = {});

 private:
  ResnetBlock2DConfig config_;
  nn::GroupNorm norm1{nullptr};
  nn::Conv2d conv1{nullptr};
  nn::Linear time_emb_proj{nullptr};
  nn::GroupNorm norm2{nullptr};
  nn::Conv2d conv2{nullptr};
  nn::Conv2d conv_shortcut{nullptr};
};
TORCH_MODULE(ResnetBlock2D);

}  // namespace omr::diffusion
