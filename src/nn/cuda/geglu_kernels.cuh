// GEGLU (arXiv 2002.05202): the gated half of a feed-forward layer, in one pass.
#pragma once

#include <cstdint>

#include "nn/cuda/number.cuh"

namespace omr::nn::cuda {

template <typename T>
__global__ void geglu_kernel(const T* x, T* y, std::int64_t rows, std::int64_t width) {
  constexpr float kInverseSqrt2 = 0.70710678118654752f;
  const std::int64_t count = rows * width;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    const std::int64_t row = i / width, column = i % width;
    const float value = to_float(x[row * 2 * width + column]);
    const float gate = to_float(x[row * 2 * width + width + column]);
    // Rounded where ATen's two operations round.
    const T gelu = from_float<T>(0.5f * gate * (1.0f + erff(gate * kInverseSqrt2)));
    y[i] = from_float<T>(value * to_float(gelu));
  }
}

}  // namespace omr::nn::cuda
