// The three types that kernels read and write; all of them compute in fp32.
#pragma once

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#include "nn/cuda_emulation.h"  // tests: kernels run on the CPU, thread by thread
#endif

namespace omr::nn::cuda {

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

#ifdef __CUDACC__
__device__ inline float inverse_sqrt(float x) { return rsqrtf(x); }
#else
inline float inverse_sqrt(float x) { return 1.0f / sqrtf(x); }
#endif

// Rounds to the nearest, ties to even.
template <typename T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

}  // namespace omr::nn::cuda
