// A convolution with a square kernel, allocated and not initialised. Like Linear it may carry LoRA
// adapters (LoCon: A has the layer's own kernel, B is 1x1).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/lora_branch.h"

namespace omr::nn {

class Conv2dImpl : public torch::nn::Module {
 public:
  Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel_size,
             std::int64_t stride = 1, std::int64_t padding = 0, bool bias = true);
  at::Tensor forward(const at::Tensor& x);  // [B, C, H, W]

  // Adapters move too.
  using torch::nn::Module::to;
  void to(c10::Device device, bool non_blocking = false) override;

  void add_lora(LoraBranch branch);
  void clear_lora();
  const std::vector<LoraBranch>& lora() const { return lora_; }

  at::Tensor weight;  // [out, in, k, k]
  at::Tensor bias;

 private:
  std::int64_t stride_;
  std::int64_t padding_;
  std::vector<LoraBranch> lora_;
  at::Tensor merged_;  // W + Σ scale·B·A while no gradient is wanted; the base stays beside it
};
TORCH_MODULE(Conv2d);

}  // namespace omr::nn
