#include "omr/diffusion/timestep_embedding.h"

#include <cmath>

#include <ATen/ATen.h>

namespace omr::diffusion {

at::Tensor timestep_features(const at::Tensor& timesteps, std::int64_t dim, bool flip_sin_to_cos,
                             double freq_shift) {
  const std::int64_t half = dim / 2;
  const auto options = at::TensorOptions().dtype(at::kFloat).device(timesteps.device());
  const at::Tensor exponent =
      at::arange(0, half, options) * -std::log(10000.0) / (static_cast<double>(half) - freq_shift);
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);
  const at::Tensor sine = angles.sin(), cosine = angles.cos();
  const at::Tensor features =
      flip_sin_to_cos ? at::cat({cosine, sine}, 1) : at::cat({sine, cosine}, 1);
  return dim % 2 == 1 ? at::constant_pad_nd(features, {0, 1}) : features;
}

TimestepEmbeddingImpl::TimestepEmbeddingImpl(std::int64_t in_channels, std::int64_t time_embed_dim,
                                             nn::Activation activation)
    : activation_(activation) {
  linear_1 = register_module("linear_1", nn::Linear(in_channels, time_embed_dim));
  linear_2 = register_module("linear_2", nn::Linear(time_embed_dim, time_embed_dim));
}

at::Tensor TimestepEmbeddingImpl::forward(const at::Tensor& features) {
  return linear_2(nn::activate(activation_, linear_1(features)));
}

}  // namespace omr::diffusion
