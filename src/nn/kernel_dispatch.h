// Which form of an operation runs: its custom CUDA kernel, or ATen's. Each function returns an
// undefined tensor where the kernel is not for these tensors or is not built in.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "omr/nn/nf4.h"

namespace omr::nn {

at::Tensor group_norm_kernel(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                             const at::Tensor& bias, double eps, bool silu);
at::Tensor geglu_kernel(const at::Tensor& x);
at::Tensor dequantize_nf4_kernel(const Nf4Weight& quantized, at::ScalarType dtype);
// x [..., in] of one vector; bias may be undefined.
at::Tensor nf4_gemv_kernel(const at::Tensor& x, const Nf4Weight& quantized, const at::Tensor& bias);

// What the kernels ask of shapes, types and layouts, wherever the tensors are.
bool suits_group_norm_kernel(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                             const at::Tensor& bias);
bool suits_geglu_kernel(const at::Tensor& x);
bool suits_nf4_gemv_kernel(const at::Tensor& x, const Nf4Weight& quantized, const at::Tensor& bias);

}  // namespace omr::nn
