// Operations that have a custom CUDA kernel (nn/cuda/kernels.h) where the build has the CUDA
// toolkit, and are ATen's everywhere else: on the CPU, where gradients are wanted, and for shapes
// that the kernel does not take. Both compute the same up to rounding.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace omr::nn {

// GroupNorm (arXiv 1803.08494) of x [B, C, ...], followed by SiLU where `silu` says so.
at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps, bool silu);

// x [..., 2D] -> its first half times GELU of the second, [..., D] (arXiv 2002.05202, GEGLU).
at::Tensor geglu(const at::Tensor& x);

}  // namespace omr::nn
