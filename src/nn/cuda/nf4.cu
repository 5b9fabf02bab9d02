#include "nn/cuda/launch.cuh"
#include "nn/cuda/nf4_kernels.cuh"

namespace omr::nn::cuda {

void dequantize_nf4(Number number, const Nf4Blocks& blocks, const Nf4Code& code, void* out,
                    void* stream) {
  with_type(number, [&](auto* null) {
    using T = std::remove_pointer_t<decltype(null)>;
    dequantize_nf4_kernel<T>
        <<<blocks_for(ceil_div(blocks.count, kValuesAtOnce)), kThreads, 0,
           static_cast<cudaStream_t>(stream)>>>(blocks, code, static_cast<T*>(out));
  });
  check_launch("dequantize_nf4");
}

void nf4_gemv(Number number, const void* x, const Nf4Blocks& blocks, const Nf4Code& code,
              const void* bias, void* y, std::int64_t rows, std::int64_t columns, void* stream) {
  constexpr int kRowsABlock = 4;
  const dim3 threads(kWarp, kRowsABlock);
  const auto grid = static_cast<unsigned>(ceil_div(rows, kRowsABlock));
  with_type(number, [&](auto* null) {
    using T = std::remove_pointer_t<decltype(null)>;
    nf4_gemv_kernel<T><<<grid, threads, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const T*>(x), blocks, code, static_cast<const T*>(bias), static_cast<T*>(y),
        rows, columns);
  });
  check_launch("nf4_gemv");
}

}  // namespace omr::nn::cuda
