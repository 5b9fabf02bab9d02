#include "omr/nn/layers.h"

#include <ATen/ATen.h>

#include "omr/nn/fused_ops.h"

#include "nn/empty_parameter.h"

namespace omr::nn {

GroupNormImpl::GroupNormImpl(std::int64_t num_groups, std::int64_t num_channels, double eps)
    : num_groups_(num_groups), eps_(eps) {
  weight = register_parameter("weight", empty_parameter({num_channels}));
  bias = register_parameter("bias", empty_parameter({num_channels}));
}

at::Tensor GroupNormImpl::forward(const at::Tensor& x) {
  return group_norm(x, num_groups_, weight, bias, eps_, /*silu=*/false);
}

at::Tensor GroupNormImpl::activated(const at::Tensor& x, Activation activation) {
  if (activation == Activation::silu) {
    return group_norm(x, num_groups_, weight, bias, eps_, /*silu=*/true);
  }
  return activate(activation, forward(x));
}

LayerNormImpl::LayerNormImpl(std::int64_t size, double eps) : eps_(eps) {
  weight = register_parameter("weight", empty_parameter({size}));
  bias = register_parameter("bias", empty_parameter({size}));
}

at::Tensor LayerNormImpl::forward(const at::Tensor& x) {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps_);
}

RMSNormImpl::RMSNormImpl(std::int64_t size, double eps, double offset)
    : eps_(eps), offset_(offset) {
  weight = register_parameter("weight", empty_parameter({size}));
}

at::Tensor RMSNormImpl::forward(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor variance = wide.square().mean(-1, /*keepdim=*/true);
  const at::Tensor unit = wide * (variance + eps_).rsqrt();
  // LlamaRMSNorm rounds before the weight, GemmaRMSNorm after it.
  if (offset_ != 0) return (unit * (weight.to(at::kFloat) + offset_)).to(x.scalar_type());
  return weight * unit.to(x.scalar_type());
}

EmbeddingImpl::EmbeddingImpl(std::int64_t count, std::int64_t size) {
  weight = register_parameter("weight", empty_parameter({count, size}));
}

at::Tensor EmbeddingImpl::forward(const at::Tensor& ids) { return at::embedding(weight, ids); }

}  // namespace omr::nn
