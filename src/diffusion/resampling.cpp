#include "omr/diffusion/resampling.h"

#include <ATen/ATen.h>

namespace omr::diffusion {

Downsample2DImpl::Downsample2DImpl(std::int64_t channels, std::int64_t padding)
    : padding_(padding) {
  conv = register_module("conv", nn::Conv2d(channels, channels, 3, 2, padding));
}

at::Tensor Downsample2DImpl::forward(const at::Tensor& x) {
  return conv(padding_ == 0 ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x);
}

Upsample2DImpl::Upsample2DImpl(std::int64_t channels) {
  conv = register_module("conv", nn::Conv2d(channels, channels, 3, 1, 1));
}

at::Tensor Upsample2DImpl::forward(const at::Tensor& x, at::IntArrayRef size) {
  return conv(at::upsample_nearest2d(x, size));
}

}  // namespace omr::diffusion
