// The product with an NF4 weight, in training.
#pragma once

#include <ATen/core/Tensor.h>

#include "omr/nn/nf4.h"

namespace omr::nn {

// x [..., in] · Wᵀ + bias with gradients to x alone. What is kept for the backward pass are the
// 4-bit blocks: the weight is dequantised again there, as bitsandbytes does
// (autograd/_functions.py, MatMul4Bit), or else one dense copy of every layer would live through
// the step. `bias` may be undefined and gets no gradient.
at::Tensor nf4_linear(const at::Tensor& x, const Nf4Weight& weight, const at::Tensor& bias);

}  // namespace omr::nn
