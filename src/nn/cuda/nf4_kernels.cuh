// NF4 (arXiv 2305.14314, §3) weights on the device: dequantised, or multiplied by one vector as
// they are, which is what a language model's every token does.
#pragma once

#include <cstdint>

#include "nn/cuda/kernels.h"
#include "nn/cuda/number.cuh"

namespace omr::nn::cuda {

inline constexpr int kNestedBlock = 256;
// Values that a thread takes at once: four bytes, always of one block.
inline constexpr int kValuesAtOnce = 8;
inline constexpr int kWarp = 32;

__device__ inline float block_absmax(const Nf4Blocks& blocks, std::int64_t block) {
  if (blocks.absmax != nullptr) return blocks.absmax[block];
  // Two roundings, as bitsandbytes has: a fused multiply-add would give other bits.
  const float product = __fmul_rn(blocks.nested_code[blocks.codes[block]],
                                  blocks.nested_absmax[block / kNestedBlock]);
  return __fadd_rn(product, blocks.offset);
}

template <typename T>
__device__ T nf4_value(const Nf4Code& code, unsigned nibble, float absmax) {
  return from_float<T>(code.value[nibble] * absmax);
}

template <typename T>
__global__ void dequantize_nf4_kernel(Nf4Blocks blocks, Nf4Code code, T* out) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x * kValuesAtOnce;
  std::int64_t i =
      (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * kValuesAtOnce;
  for (; i < blocks.count; i += stride) {
    const float absmax = block_absmax(blocks, i / blocks.block_size);
    for (int k = 0; k < kValuesAtOnce && i + k < blocks.count; ++k) {
      const unsigned byte = blocks.packed[(i + k) / 2];
      out[i + k] = nf4_value<T>(code, k % 2 == 0 ? byte >> 4 : byte & 15u, absmax);
    }
  }
}

// A warp computes a row: blockDim is (32, warps).
template <typename T>
__global__ void nf4_gemv_kernel(const T* x, Nf4Blocks blocks, Nf4Code code, const T* bias, T* y,
                                std::int64_t rows, std::int64_t columns) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  float sum = 0;
  if (row < rows) {
    const std::int64_t first = row * columns;
    for (std::int64_t column = threadIdx.x * kValuesAtOnce; column < columns;
         column += kWarp * kValuesAtOnce) {
      const float absmax = block_absmax(blocks, (first + column) / blocks.block_size);
      for (int k = 0; k < kValuesAtOnce; k += 2) {
        const unsigned byte = blocks.packed[(first + column + k) / 2];
        sum += to_float(nf4_value<T>(code, byte >> 4, absmax)) * to_float(x[column + k]);
        sum += to_float(nf4_value<T>(code, byte & 15u, absmax)) * to_float(x[column + k + 1]);
      }
    }
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  }
  if (row < rows && threadIdx.x == 0) {
    y[row] = from_float<T>(bias == nullptr ? sum : sum + to_float(bias[row]));
  }
}

}  // namespace omr::nn::cuda
