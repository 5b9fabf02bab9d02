#include "omr/nn/layers.h"

#include <ATen/ATen.h>

namespace omr::nn {

Conv2dImpl::Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels,
                       std::int64_t kernel_size, std::int64_t stride, std::int64_t padding,
                       bool with_bias)
    : stride_(stride), padding_(padding) {
  weight = register_parameter("weight",
                              at::empty({out_channels, in_channels, kernel_size, kernel_size}));
  if (with_bias) bias = register_parameter("bias", at::empty({out_channels}));
}

at::Tensor Conv2dImpl::forward(const at::Tensor& x) {
  return at::conv2d(x, weight, bias, stride_, padding_);
}

GroupNormImpl::GroupNormImpl(std::int64_t num_groups, std::int64_t num_channels, double eps)
    : num_groups_(num_groups), eps_(eps) {
  weight = register_parameter("weight", at::empty({num_channels}));
  bias = register_parameter("bias", at::empty({num_channels}));
}

at::Tensor GroupNormImpl::forward(const at::Tensor& x) {
  return at::group_norm(x, num_groups_, weight, bias, eps_);
}

LayerNormImpl::LayerNormImpl(std::int64_t size, double eps) : eps_(eps) {
  weight = register_parameter("weight", at::empty({size}));
  bias = register_parameter("bias", at::empty({size}));
}

at::Tensor LayerNormImpl::forward(const at::Tensor& x) {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps_);
}

RMSNormImpl::RMSNormImpl(std::int64_t size, double eps) : eps_(eps) {
  weight = register_parameter("weight", at::empty({size}));
}

at::Tensor RMSNormImpl::forward(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor variance = wide.square().mean(-1, /*keepdim=*/true);
  return weight * (wide * (variance + eps_).rsqrt()).to(x.scalar_type());
}

EmbeddingImpl::EmbeddingImpl(std::int64_t count, std::int64_t size) {
  weight = register_parameter("weight", at::empty({count, size}));
}

at::Tensor EmbeddingImpl::forward(const at::Tensor& ids) { return at::embedding(weight, ids); }

}  // namespace omr::nn
