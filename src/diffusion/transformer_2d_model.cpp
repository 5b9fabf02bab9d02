#include "omr/diffusion/transformer_2d_model.h"

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "omr/nn/fused_ops.h"

namespace omr::diffusion {
namespace {

// The checkpoint's net.1 is a dropout; an empty module keeps the numbering.
class PlaceholderImpl : public torch::nn::Module {};
TORCH_MODULE(Placeholder);

// "net.0.proj" is a module of its own in the checkpoint.
class GEGLUImpl : public torch::nn::Module {
 public:
  explicit GEGLUImpl(const nn::Linear& linear) { register_module("proj", linear); }
};
TORCH_MODULE(GEGLU);

constexpr std::int64_t kFeedForwardFactor = 4;
constexpr double kLayerNormEps = 1e-5;
constexpr double kGroupNormEps = 1e-6;

}  // namespace

FeedForwardImpl::FeedForwardImpl(std::int64_t dim)
    : proj_(dim, dim * kFeedForwardFactor * 2), out_(dim * kFeedForwardFactor, dim) {
  torch::nn::ModuleList net;
  net->push_back(GEGLU(proj_));
  net->push_back(Placeholder());
  net->push_back(out_);
  register_module("net", net);
}

at::Tensor FeedForwardImpl::forward(const at::Tensor& x) { return out_(nn::geglu(proj_(x))); }

BasicTransformerBlockImpl::BasicTransformerBlockImpl(const Transformer2DConfig& config) {
  const std::int64_t dim = config.in_channels, heads = config.num_attention_heads;
  norm1 = register_module("norm1", nn::LayerNorm(dim, kLayerNormEps));
  attn1 = register_module("attn1", Attention(dim, dim, heads, dim / heads, /*qkv_bias=*/false,
                                             config.upcast_attention));
  norm2 = register_module("norm2", nn::LayerNorm(dim, kLayerNormEps));
  attn2 = register_module("attn2", Attention(dim, config.cross_attention_dim, heads, dim / heads,
                                             /*qkv_bias=*/false, config.upcast_attention));
  norm3 = register_module("norm3", nn::LayerNorm(dim, kLayerNormEps));
  ff = register_module("ff", FeedForward(dim));
}

at::Tensor BasicTransformerBlockImpl::forward(const at::Tensor& x, const at::Tensor& context) {
  at::Tensor h = x + attn1(norm1(x));
  h = h + attn2(norm2(h), context);
  return h + ff(norm3(h));
}

Transformer2DModelImpl::Transformer2DModelImpl(const Transformer2DConfig& config) {
  const std::int64_t channels = config.in_channels;
  norm = register_module("norm", nn::GroupNorm(config.norm_num_groups, channels, kGroupNormEps));
  if (config.use_linear_projection) {
    proj_in_linear_ = register_module("proj_in", nn::Linear(channels, channels));
  } else {
    proj_in_conv_ = register_module("proj_in", nn::Conv2d(channels, channels, 1));
  }
  torch::nn::ModuleList list;
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    blocks_.emplace_back(config);
    list->push_back(blocks_.back());
  }
  register_module("transformer_blocks", list);
  if (config.use_linear_projection) {
    proj_out_linear_ = register_module("proj_out", nn::Linear(channels, channels));
  } else {
    proj_out_conv_ = register_module("proj_out", nn::Conv2d(channels, channels, 1));
  }
}

at::Tensor Transformer2DModelImpl::forward(const at::Tensor& x, const at::Tensor& context) {
  const std::int64_t batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
  const auto to_tokens = [&](const at::Tensor& map) {
    return map.permute({0, 2, 3, 1}).reshape({batch, height * width, channels});
  };
  const auto to_map = [&](const at::Tensor& tokens) {
    return tokens.reshape({batch, height, width, channels})
        .permute({0, 3, 1, 2})
        .contiguous(x.suggest_memory_format());
  };
  at::Tensor h = norm(x);
  h = proj_in_conv_.is_empty() ? proj_in_linear_(to_tokens(h)) : to_tokens(proj_in_conv_(h));
  for (BasicTransformerBlock& block : blocks_) h = block(h, context);
  h = proj_out_conv_.is_empty() ? to_map(proj_out_linear_(h)) : proj_out_conv_(to_map(h));
  return h + x;
}

}  // namespace omr::diffusion
