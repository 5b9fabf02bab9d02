// Halving and doubling of feature maps by a convolution (diffusers models/downsampling.py and
// upsampling.py).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/layers.h"

namespace omr::diffusion {

class Downsample2DImpl : public torch::nn::Module {
 public:
  // padding 0 pads one pixel at the right and bottom only, as the VAE's encoder does.
  Downsample2DImpl(std::int64_t channels, std::int64_t padding);
  at::Tensor forward(const at::Tensor& x);  // [B, C, H, W] -> [B, C, ceil(H/2), ceil(W/2)]

 private:
  std::int64_t padding_;
  nn::Conv2d conv{nullptr};
};
TORCH_MODULE(Downsample2D);

class Upsample2DImpl : public torch::nn::Module {
 public:
  explicit Upsample2DImpl(std::int64_t channels);
  // Nearest-neighbour to `size` (H, W), then a convolution. The size is given because a level of
  // odd size is not twice the one below.
  at::Tensor forward(const at::Tensor& x, at::IntArrayRef size);

 private:
  nn::Conv2d conv{nullptr};
};
TORCH_MODULE(Upsample2D);

}  // namespace omr::diffusion
