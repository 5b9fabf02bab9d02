// The other layers, allocated and not initialised (weights come from files; training initialises
// explicitly).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace omr::nn {

class Conv2dImpl : public torch::nn::Module {
 public:
  Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
             std::int64_t stride = 1, std::int64_t padding = 0, bool bias = true);
  at::Tensor forward(const at::Tensor& x);  // [B, C, H, W]

  at::Tensor weight;  // [out, in, k, k]
  at::Tensor bias;

 private:
  std::int64_t stride_;
  std::int64_t padding_;
};
TORCH_MODULE(Conv2d);

class GroupNormImpl : public torch::nn::Module {
 public:
  GroupNormImpl(std::int64_t num_groups, std::int64_t num_channels, double eps);
  at::Tensor forward(const at::Tensor& x);  // [B, C, ...]

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
  RMSNormImpl(std::int64_t size, double eps);
  at::Tensor forward(const at::Tensor& x);  // [..., size]; computed in fp32, as LlamaRMSNorm does

  at::Tensor weight;

 private:
  double eps_;
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
