#include "nn/cuda/geglu_kernels.cuh"
#include "nn/cuda/launch.cuh"

namespace omr::nn::cuda {

bool kernels_run_on(int device) {
  int before = 0;
  if (cudaGetDevice(&before) != cudaSuccess || cudaSetDevice(device) != cudaSuccess) return false;
  // Fails where the binary holds no code for the device, or the driver is too old for it.
  cudaFuncAttributes attributes;
  const bool found = cudaFuncGetAttributes(&attributes, geglu_kernel<float>) == cudaSuccess;
  cudaGetLastError();  // a failure here is an answer, not an error of later calls
  cudaSetDevice(before);
  return found;
}

void geglu(Number number, const void* x, void* y, std::int64_t rows, std::int64_t width,
           void* stream) {
  with_type(number, [&](auto* null) {
    using T = std::remove_pointer_t<decltype(null)>;
    geglu_kernel<T><<<blocks_for(rows * width), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const T*>(x), static_cast<T*>(y), rows, width);
  });
  check_launch("geglu");
}

}  // namespace omr::nn::cuda
