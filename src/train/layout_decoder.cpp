#include "omr/train/layout_decoder.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

namespace omr::train {
namespace {

constexpr double kLayerNormEps = 1e-5;

std::int64_t patch_of(const LayoutDecoderConfig& config) {
  return config.latent_height % 2 == 0 && config.latent_width % 2 == 0 ? 2 : 1;
}

}  // namespace

LayoutDecoderImpl::LayoutDecoderImpl(const LayoutDecoderConfig& config)
    : config_(config), patch_(patch_of(config)) {
  const std::int64_t patches = config.latent_height * config.latent_width / (patch_ * patch_);
  queries = register_parameter("queries", at::empty({patches, config.width}));
  diffusion::Transformer2DConfig block;
  block.in_channels = block.cross_attention_dim = config.width;
  block.num_attention_heads = config.num_attention_heads;
  torch::nn::ModuleList blocks;
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    blocks_.emplace_back(block);
    blocks->push_back(blocks_.back());
  }
  register_module("transformer_blocks", blocks);
  norm_out = register_module("norm_out", nn::LayerNorm(config.width, kLayerNormEps));
  proj_out = register_module("proj_out",
                             nn::Linear(config.width, patch_ * patch_ * config.latent_channels));
}

at::Tensor LayoutDecoderImpl::forward(const at::Tensor& encoder_hidden_states) {
  const std::int64_t batch = encoder_hidden_states.size(0);
  at::Tensor x = queries.unsqueeze(0).expand({batch, -1, -1});
  for (diffusion::BasicTransformerBlock& block : blocks_) x = block(x, encoder_hidden_states);
  const std::int64_t rows = config_.latent_height / patch_, columns = config_.latent_width / patch_;
  return proj_out(norm_out(x))
      .view({batch, rows, columns, config_.latent_channels, patch_, patch_})
      .permute({0, 3, 1, 4, 2, 5})
      .reshape({batch, config_.latent_channels, config_.latent_height, config_.latent_width});
}

}  // namespace omr::train
