// The other layers, allocated and not initialised (weights come from files; training initialises
// explicitly).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/activation.h"
#include "omr/nn/conv2d.h"

namespace omr::nn {

class GroupNormImpl : public torch::nn::Module {
 public:
  GroupNormImpl(std::int64_t num_groups, std::int64_t num_channels, double eps);
  at::Tensor forward(const at::Tensor& x);  // [B, C, ...]
  // activation(forward(x)), in one go where that is faster.
  at::Tensor activated(const at::Tensor& x, Activation activation);

  at::Tensor weight, bias;

 private:
  std::int64_t num_groups_;
  double eps_;
};
TORCH_MODULE(GroupNorm);

class LayerNormImpl : public torch::nn::Module {
 public:
  LayerNormImpl(std::int64_t size, double eps);
  at::Tensor forward(const at::Tensor& x);  // [..., size]

  at::Tensor weight, bias;

 private:
  double eps_;
};
TORCH_MODULE(LayerNorm);

class RMSNormImpl : public torch::nn::Module {
 public:
  // `offset` is added to the weight: Gemma's files hold what differs from 1 (GemmaRMSNorm).
  RMSNormImpl(std::int64_t size, double eps, double offset = 0);
  at::Tensor forward(const at::Tensor& x);  // [..., size]; computed in fp32, as LlamaRMSNorm does

  at::Tensor weight;

 private:
  double eps_;
  double offset_;
};
TORCH_MODULE(RMSNorm);

class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(std::int64_t count, std::int64_t size);
  at::Tensor forward(const at::Tensor& ids);  // int64 [...] -> [..., size]

  at::Tensor weight;
};
TORCH_MODULE(Embedding);

}  // namespace omr::nn
