#include "omr/diffusion/resnet_block_2d.h"

#include <ATen/ATen.h>

namespace omr::diffusion {

ResnetBlock2DImpl::ResnetBlock2DImpl(const ResnetBlock2DConfig& config) : config_(config) {
  const std::int64_t in = config.in_channels, out = config.out_channels;
  norm1 = register_module("norm1", nn::GroupNorm(config.groups, in, config.eps));
  conv1 = register_module("conv1", nn::Conv2d(in, out, 3, 1, 1));
  if (config.temb_channels) {
    time_emb_proj = register_module("time_emb_proj", nn::Linear(*config.temb_channels, out));
  }
  norm2 = register_module("norm2", nn::GroupNorm(config.groups, out, config.eps));
  conv2 = register_module("conv2", nn::Conv2d(out, out, 3, 1, 1));
  if (in != out) conv_shortcut = register_module("conv_shortcut", nn::Conv2d(in, out, 1));
}

at::Tensor ResnetBlock2DImpl::forward(const at::Tensor& x, const at::Tensor& temb) {
  at::Tensor h = conv1(norm1->activated(x, config_.activation));
  if (!time_emb_proj.is_empty()) {
    h = h + time_emb_proj(nn::activate(config_.activation, temb)).unsqueeze(-1).unsqueeze(-1);
  }
  h = conv2(norm2->activated(h, config_.activation));
  const at::Tensor residual = conv_shortcut.is_empty() ? x : conv_shortcut(x);
  const at::Tensor sum = residual + h;
  return config_.output_scale_factor == 1.0 ? sum : sum / config_.output_scale_factor;
}

}  // namespace omr::diffusion
