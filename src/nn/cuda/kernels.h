// Launchers of the custom CUDA kernels, which a build with the CUDA toolkit has. They take plain
// pointers: the .cu files see neither libtorch's headers nor omr's other ones, so that nvcc
// compiles them in seconds. Callers check shapes and types; what falls back to ATen, and when, is
// decided in nn/kernel_dispatch.h.
#pragma once

#include <cstdint>

namespace omr::nn::cuda {

enum class Number { fp32, fp16, bf16 };

// Whether these kernels run on the current device: not on one older than sm_80, nor under a driver
// too old for the toolkit. Asked once a device.
bool kernels_run_on(int device);

// What one GroupNorm takes beside its tensors.
struct GroupNormShape {
  std::int64_t batch, pixels, channels, groups;
  float eps;
  bool silu;  // whether SiLU follows
};

inline constexpr std::int64_t kMaxNormChannels = 4096;
inline constexpr std::int64_t kMaxNormGroups = 256;

// Floats of `partial` that group_norm_nhwc() needs.
std::int64_t group_norm_workspace(const GroupNormShape& shape);

// y = SiLU(GroupNorm(x)) over x [batch, pixels, channels] (a channels-last picture), computed in
// fp32; weight and bias have x's type. channels <= kMaxNormChannels, groups <= kMaxNormGroups.
void group_norm_nhwc(Number number, const void* x, const void* weight, const void* bias, void* y,
                     float* partial, const GroupNormShape& shape, void* stream);

// y [rows, width] = x[:, :width] · GELU(x[:, width:]), of x [rows, 2·width].
void geglu(Number number, const void* x, void* y, std::int64_t rows, std::int64_t width,
           void* stream);

// An NF4 weight's device memory (nn::Nf4Weight).
struct Nf4Blocks {
  const std::uint8_t* packed;  // ceil(count/2) bytes
  // Block maxima: `absmax`, or where it is null nested_code[codes[b]] · nested_absmax[b/256] +
  // offset, rounded after each operation.
  const float* absmax;
  const std::uint8_t* codes;
  const float* nested_absmax;
  const float* nested_code;
  float offset;
  std::int64_t count;       // of values
  std::int64_t block_size;  // a multiple of 32
};

// The 16 values of the code book, on the host.
struct Nf4Code {
  float value[16];
};

void dequantize_nf4(Number number, const Nf4Blocks& blocks, const Nf4Code& code, void* out,
                    void* stream);

// y [rows] = W x + bias of one vector x [columns]; W [rows, columns] in NF4, its values rounded to
// x's type as dequantising does, sums in fp32. columns is a multiple of block_size; bias may be
// null.
void nf4_gemv(Number number, const void* x, const Nf4Blocks& blocks, const Nf4Code& code,
              const void* bias, void* y, std::int64_t rows, std::int64_t columns, void* stream);

}  // namespace omr::nn::cuda
