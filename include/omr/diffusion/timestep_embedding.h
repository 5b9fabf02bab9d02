// Sinusoidal timestep features and the small MLP on them (diffusers models/embeddings.py).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/activation.h"
#include "omr/nn/linear.h"

namespace omr::diffusion {

// timesteps [B] in [0, 1000) -> [B, dim], fp32: sines and cosines of t·10000^(−i/(dim/2 −
// freq_shift)), cosines first when flipped (every SD model).
at::Tensor timestep_features(const at::Tensor& timesteps, std::int64_t dim, bool flip_sin_to_cos,
                             double freq_shift);

class TimestepEmbeddingImpl : public torch::nn::Module {
 public:
  TimestepEmbeddingImpl(std::int64_t in_channels, std::int64_t time_embed_dim,
                        nn::Activation activation);
  at::Tensor forward(const at::Tensor& features);  // [B, in] -> [B, time_embed_dim]

 private:
  nn::Activation activation_;
  nn::Linear linear_1{nullptr}, linear_2{nullptr};
};
TORCH_MODULE(TimestepEmbedding);

}  // namespace omr::diffusion
