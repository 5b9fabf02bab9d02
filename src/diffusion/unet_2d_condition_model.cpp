#include "omr/diffusion/unet_2d_condition_model.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "omr/io/weights.h"
#include "omr/nn/load_weights.h"

namespace omr::diffusion {

UNet2DConditionModelImpl::UNet2DConditionModelImpl(const UNet2DConditionConfig& config)
    : config_(config) {
  const auto& widths = config.block_out_channels;
  const std::size_t levels = widths.size();
  const std::int64_t temb_channels = widths[0] * 4;
  conv_in = register_module("conv_in", nn::Conv2d(config.in_channels, widths[0], 3, 1, 1));
  time_embedding =
      register_module("time_embedding", TimestepEmbedding(widths[0], temb_channels, config.act_fn));

  const auto level = [&](std::size_t i, bool cross_attention) {
    UNetBlockConfig block;
    block.out_channels = widths[i];
    block.temb_channels = temb_channels;
    block.num_layers = config.layers_per_block;
    block.transformer_layers = config.transformer_layers_per_block[i];
    block.num_attention_heads = cross_attention ? config.num_attention_heads[i] : 0;
    block.cross_attention_dim = config.cross_attention_dim;
    block.norm_num_groups = config.norm_num_groups;
    block.norm_eps = config.norm_eps;
    block.activation = config.act_fn;
    block.use_linear_projection = config.use_linear_projection;
    block.upcast_attention = config.upcast_attention;
    block.downsample_padding = config.downsample_padding;
    return block;
  };

  torch::nn::ModuleList down_list, up_list;
  for (std::size_t i = 0; i < levels; ++i) {
    UNetBlockConfig block = level(i, config.down_cross_attention[i]);
    block.in_channels = widths[i == 0 ? 0 : i - 1];
    block.resample = i + 1 < levels;
    down_blocks_.emplace_back(block);
    down_list->push_back(down_blocks_.back());
  }
  register_module("down_blocks", down_list);

  for (std::size_t i = 0; i < levels; ++i) {  // i counts from the bottom
    const std::size_t at = levels - 1 - i;
    UNetBlockConfig block = level(at, config.up_cross_attention[i]);
    block.in_channels = widths[at == 0 ? 0 : at - 1];
    block.prev_output_channel = widths[i == 0 ? at : at + 1];
    block.num_layers = config.layers_per_block + 1;
    block.resample = at > 0;
    up_blocks_.emplace_back(block);
    up_list->push_back(up_blocks_.back());
  }
  register_module("up_blocks", up_list);

  UNetBlockConfig mid = level(levels - 1, true);
  mid.in_channels = widths.back();
  mid.num_layers = 1;
  mid.output_scale_factor = config.mid_block_scale_factor;
  mid_block = register_module("mid_block", UNetMidBlock(mid));
  conv_norm_out = register_module(
      "conv_norm_out", nn::GroupNorm(config.norm_num_groups, widths[0], config.norm_eps));
  conv_out = register_module("conv_out", nn::Conv2d(widths[0], config.out_channels, 3, 1, 1));
}

at::Tensor UNet2DConditionModelImpl::forward(const at::Tensor& sample, const at::Tensor& timestep,
                                             const at::Tensor& encoder_hidden_states) {
  const at::Tensor features =
      timestep_features(timestep.expand({sample.size(0)}), config_.block_out_channels[0],
                        config_.flip_sin_to_cos, config_.freq_shift);
  const at::Tensor temb = time_embedding(features.to(sample.scalar_type()));
  at::Tensor x = conv_in(sample);
  std::vector<at::Tensor> skips = {x};
  for (UNetDownBlock& block : down_blocks_) x = block(x, temb, encoder_hidden_states, skips);
  x = mid_block(x, temb, encoder_hidden_states);
  for (UNetUpBlock& block : up_blocks_) x = block(x, temb, encoder_hidden_states, skips);
  return conv_out(conv_norm_out->activated(x, config_.act_fn));
}

UNet2DConditionModel load_unet(const io::Config& config, const io::Weights& weights,
                               const nn::ExecutionOptions& execution) {
  UNet2DConditionModel unet(UNet2DConditionConfig::parse(config));
  nn::load_weights(*unet, weights, "UNet", execution);
  unet->eval();
  return unet;
}

UNet2DConditionModel load_unet(const std::filesystem::path& folder,
                               const nn::ExecutionOptions& execution) {
  return load_unet(io::Config(folder / "config.json"),
                   io::Weights::open(folder, "diffusion_pytorch_model"), execution);
}

}  // namespace omr::diffusion
