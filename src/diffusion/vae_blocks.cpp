#include "omr/diffusion/vae_blocks.h"

#include <array>

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "omr/diffusion/autoencoder_kl.h"
#include "omr/nn/attention.h"

namespace omr::diffusion {
namespace {

constexpr double kNormEps = 1e-6;

ResnetBlock2D make_resnet(std::int64_t in, std::int64_t out, const AutoencoderKLConfig& config) {
  return ResnetBlock2D(ResnetBlock2DConfig{in, out, std::nullopt, config.norm_num_groups, kNormEps,
                                           config.act_fn, 1.0});
}

}  // namespace

VaeAttentionImpl::VaeAttentionImpl(std::int64_t channels, std::int64_t groups) {
  group_norm = register_module("group_norm", nn::GroupNorm(groups, channels, kNormEps));
  to_q = register_module("to_q", nn::Linear(channels, channels));
  to_k = register_module("to_k", nn::Linear(channels, channels));
  to_v = register_module("to_v", nn::Linear(channels, channels));
  to_out_0 = nn::Linear(channels, channels);
  register_module("to_out", torch::nn::ModuleList(to_out_0));
}

at::Tensor VaeAttentionImpl::forward(const at::Tensor& x) {
  const at::Tensor tokens = group_norm(x).flatten(2).transpose(1, 2);
  const at::Tensor h =
      to_out_0(nn::multi_head_attention(to_q(tokens), to_k(tokens), to_v(tokens), /*heads=*/1));
  return x + h.transpose(1, 2).reshape(x.sizes());
}

VaeMidBlockImpl::VaeMidBlockImpl(std::int64_t channels, const AutoencoderKLConfig& config) {
  if (config.mid_block_add_attention) {
    attention_ = VaeAttention(channels, config.norm_num_groups);
    register_module("attentions", torch::nn::ModuleList(attention_));
  }
  resnets_ = {make_resnet(channels, channels, config), make_resnet(channels, channels, config)};
  register_module("resnets", torch::nn::ModuleList(resnets_[0], resnets_[1]));
}

at::Tensor VaeMidBlockImpl::forward(at::Tensor x) {
  x = resnets_[0](x);
  if (!attention_.is_empty()) x = attention_(x);
  return resnets_[1](x);
}

VaeLevelImpl::VaeLevelImpl(std::int64_t in_channels, std::int64_t out_channels,
                           std::int64_t num_layers, Resample resample,
                           const AutoencoderKLConfig& config) {
  torch::nn::ModuleList list;
  for (std::int64_t i = 0; i < num_layers; ++i) {
    resnets_.push_back(make_resnet(i == 0 ? in_channels : out_channels, out_channels, config));
    list->push_back(resnets_.back());
  }
  register_module("resnets", list);
  if (resample == Resample::down) {
    downsampler_ = Downsample2D(out_channels, /*padding=*/0);
    register_module("downsamplers", torch::nn::ModuleList(downsampler_));
  } else if (resample == Resample::up) {
    upsampler_ = Upsample2D(out_channels);
    register_module("upsamplers", torch::nn::ModuleList(upsampler_));
  }
}

at::Tensor VaeLevelImpl::forward(at::Tensor x) {
  for (ResnetBlock2D& resnet : resnets_) x = resnet(x);
  if (!downsampler_.is_empty()) x = downsampler_(x);
  if (!upsampler_.is_empty()) {
    const std::array<std::int64_t, 2> doubled = {x.size(2) * 2, x.size(3) * 2};
    x = upsampler_(x, at::IntArrayRef(doubled));
  }
  return x;
}

VaeEncoderImpl::VaeEncoderImpl(const AutoencoderKLConfig& config) : activation_(config.act_fn) {
  const auto& widths = config.block_out_channels;
  conv_in = register_module("conv_in", nn::Conv2d(config.in_channels, widths[0], 3, 1, 1));
  torch::nn::ModuleList list;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const bool last = i + 1 == widths.size();
    down_blocks_.emplace_back(widths[i == 0 ? 0 : i - 1], widths[i], config.layers_per_block,
                              last ? VaeLevelImpl::Resample::none : VaeLevelImpl::Resample::down,
                              config);
    list->push_back(down_blocks_.back());
  }
  register_module("down_blocks", list);
  mid_block = register_module("mid_block", VaeMidBlock(widths.back(), config));
  conv_norm_out = register_module("conv_norm_out",
                                  nn::GroupNorm(config.norm_num_groups, widths.back(), kNormEps));
  conv_out =
      register_module("conv_out", nn::Conv2d(widths.back(), 2 * config.latent_channels, 3, 1, 1));
}

at::Tensor VaeEncoderImpl::forward(const at::Tensor& pixels) {
  at::Tensor x = conv_in(pixels);
  for (VaeLevel& level : down_blocks_) x = level(x);
  return conv_out(conv_norm_out->activated(mid_block(x), activation_));
}

VaeDecoderImpl::VaeDecoderImpl(const AutoencoderKLConfig& config) : activation_(config.act_fn) {
  const auto& widths = config.block_out_channels;
  conv_in = register_module("conv_in", nn::Conv2d(config.latent_channels, widths.back(), 3, 1, 1));
  mid_block = register_module("mid_block", VaeMidBlock(widths.back(), config));
  torch::nn::ModuleList list;
  for (std::size_t i = widths.size(); i-- > 0;) {
    const std::int64_t in = i + 1 == widths.size() ? widths[i] : widths[i + 1];
    up_blocks_.emplace_back(in, widths[i], config.layers_per_block + 1,
                            i == 0 ? VaeLevelImpl::Resample::none : VaeLevelImpl::Resample::up,
                            config);
    list->push_back(up_blocks_.back());
  }
  register_module("up_blocks", list);
  conv_norm_out =
      register_module("conv_norm_out", nn::GroupNorm(config.norm_num_groups, widths[0], kNormEps));
  conv_out = register_module("conv_out", nn::Conv2d(widths[0], config.out_channels, 3, 1, 1));
}

at::Tensor VaeDecoderImpl::forward(const at::Tensor& latents) {
  at::Tensor x = mid_block(conv_in(latents));
  for (VaeLevel& level : up_blocks_) x = level(x);
  return conv_out(conv_norm_out->activated(x, activation_));
}

}  // namespace omr::diffusion
