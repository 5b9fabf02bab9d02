#include "omr/diffusion/unet_2d_blocks.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "omr/nn/recompute.h"

namespace omr::diffusion {
namespace {

ResnetBlock2D make_resnet(const UNetBlockConfig& config, std::int64_t in_channels) {
  return ResnetBlock2D(ResnetBlock2DConfig{in_channels, config.out_channels, config.temb_channels,
                                           config.norm_num_groups, config.norm_eps,
                                           config.activation, config.output_scale_factor});
}

Transformer2DModel make_transformer(const UNetBlockConfig& config) {
  return Transformer2DModel(Transformer2DConfig{
      config.out_channels, config.num_attention_heads, config.transformer_layers,
      config.cross_attention_dim, config.norm_num_groups, config.use_linear_projection,
      config.upcast_attention});
}

template <typename Module>
at::Tensor run(const Module& module, const at::Tensor& x, const at::Tensor& condition) {
  return nn::recomputed(
      [own = Module(module)](const at::Tensor& in, const at::Tensor& other) mutable {
        return own->forward(in, other);
      },
      x, condition);
}

template <typename Module>
torch::nn::ModuleList list_of(const std::vector<Module>& modules) {
  torch::nn::ModuleList list;
  for (const Module& module : modules) list->push_back(module);
  return list;
}

}  // namespace

UNetDownBlockImpl::UNetDownBlockImpl(const UNetBlockConfig& config) {
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    resnets_.push_back(make_resnet(config, i == 0 ? config.in_channels : config.out_channels));
    if (config.num_attention_heads > 0) attentions_.push_back(make_transformer(config));
  }
  if (!attentions_.empty()) register_module("attentions", list_of(attentions_));
  register_module("resnets", list_of(resnets_));
  if (config.resample) {
    downsampler_ = Downsample2D(config.out_channels, config.downsample_padding);
    register_module("downsamplers", torch::nn::ModuleList(downsampler_));
  }
}

at::Tensor UNetDownBlockImpl::forward(at::Tensor x, const at::Tensor& temb,
                                      const at::Tensor& context, std::vector<at::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = run(resnets_[i], x, temb);
    if (!attentions_.empty()) x = run(attentions_[i], x, context);
    skips.push_back(x);
  }
  if (!downsampler_.is_empty()) {
    x = downsampler_(x);
    skips.push_back(x);
  }
  return x;
}

UNetUpBlockImpl::UNetUpBlockImpl(const UNetBlockConfig& config) {
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    const std::int64_t skip = i == config.num_layers - 1 ? config.in_channels : config.out_channels;
    const std::int64_t below = i == 0 ? config.prev_output_channel : config.out_channels;
    resnets_.push_back(make_resnet(config, below + skip));
    if (config.num_attention_heads > 0) attentions_.push_back(make_transformer(config));
  }
  if (!attentions_.empty()) register_module("attentions", list_of(attentions_));
  register_module("resnets", list_of(resnets_));
  if (config.resample) {
    upsampler_ = Upsample2D(config.out_channels);
    register_module("upsamplers", torch::nn::ModuleList(upsampler_));
  }
}

at::Tensor UNetUpBlockImpl::forward(at::Tensor x, const at::Tensor& temb, const at::Tensor& context,
                                    std::vector<at::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = run(resnets_[i], at::cat({x, skips.back()}, 1), temb);
    skips.pop_back();
    if (!attentions_.empty()) x = run(attentions_[i], x, context);
  }
  // The level above has the size of the skip that it takes next.
  return upsampler_.is_empty() ? x : upsampler_(x, skips.back().sizes().slice(2));
}

UNetMidBlockImpl::UNetMidBlockImpl(const UNetBlockConfig& config) {
  resnets_.push_back(make_resnet(config, config.in_channels));
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    attentions_.push_back(make_transformer(config));
    resnets_.push_back(make_resnet(config, config.out_channels));
  }
  register_module("attentions", list_of(attentions_));
  register_module("resnets", list_of(resnets_));
}

at::Tensor UNetMidBlockImpl::forward(at::Tensor x, const at::Tensor& temb,
                                     const at::Tensor& context) {
  x = run(resnets_[0], x, temb);
  for (std::size_t i = 0; i < attentions_.size(); ++i) {
    x = run(attentions_[i], x, context);
    x = run(resnets_[i + 1], x, temb);
  }
  return x;
}

}  // namespace omr::diffusion
