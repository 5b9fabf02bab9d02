// What the launchers share.
#pragma once

#include <stdexcept>
#include <string>

#include <cuda_runtime.h>

#include "nn/cuda/kernels.h"
#include "nn/cuda/number.cuh"

namespace omr::nn::cuda {

inline constexpr int kThreads = 256;
// Blocks of a grid-stride loop: enough to fill any device several times.
inline constexpr std::int64_t kMaxBlocks = 65535;

inline std::int64_t ceil_div(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

inline int blocks_for(std::int64_t threads) {
  const std::int64_t blocks = ceil_div(threads, kThreads);
  return static_cast<int>(blocks < 1 ? 1 : blocks < kMaxBlocks ? blocks : kMaxBlocks);
}

inline void check_launch(const char* kernel) {
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) {
    throw std::runtime_error(std::string("CUDA kernel ") + kernel + ": " +
                             cudaGetErrorString(error));
  }
}

// Calls `launch` with a null pointer of the number's type.
template <typename Launch>
void with_type(Number number, const Launch& launch) {
  switch (number) {
    case Number::fp32:
      return launch(static_cast<float*>(nullptr));
    case Number::fp16:
      return launch(static_cast<__half*>(nullptr));
    case Number::bf16:
      return launch(static_cast<__nv_bfloat16*>(nullptr));
  }
}

}  // namespace omr::nn::cuda
