#include "nn/cuda/group_norm_kernels.cuh"
#include "nn/cuda/launch.cuh"

namespace omr::nn::cuda {
namespace {

// Few enough that adding up a picture's partial sums costs little, enough to fill a device.
constexpr std::int64_t kMostChunks = 64;
constexpr std::int64_t kFewestPixels = 8;

std::int64_t chunk_pixels(const GroupNormShape& shape) {
  const std::int64_t pixels = ceil_div(shape.pixels, kMostChunks);
  return pixels > kFewestPixels ? pixels : kFewestPixels;
}

std::int64_t chunks(const GroupNormShape& shape) {
  return ceil_div(shape.pixels, chunk_pixels(shape));
}

}  // namespace

std::int64_t group_norm_workspace(const GroupNormShape& shape) {
  return shape.batch * chunks(shape) * shape.groups *
         static_cast<std::int64_t>(sizeof(GroupSums) / sizeof(float));
}

void group_norm_nhwc(Number number, const void* x, const void* weight, const void* bias, void* y,
                     float* partial, const GroupNormShape& shape, void* stream) {
  const dim3 grid(static_cast<unsigned>(chunks(shape)), static_cast<unsigned>(shape.batch));
  const std::int64_t rounded = ceil_div(shape.channels, 32) * 32;
  const auto threads = static_cast<unsigned>(rounded < 512 ? rounded : 512);
  const auto on = static_cast<cudaStream_t>(stream);
  auto* sums = reinterpret_cast<GroupSums*>(partial);
  with_type(number, [&](auto* null) {
    using T = std::remove_pointer_t<decltype(null)>;
    group_sums_kernel<T>
        <<<grid, threads, 0, on>>>(static_cast<const T*>(x), sums, shape, chunk_pixels(shape));
    group_normalize_kernel<T><<<grid, threads, 0, on>>>(
        static_cast<const T*>(x), static_cast<const T*>(weight), static_cast<const T*>(bias),
        static_cast<T*>(y), sums, shape, chunk_pixels(shape));
  });
  check_launch("group_norm_nhwc");
}

}  // namespace omr::nn::cuda
