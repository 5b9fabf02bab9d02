// 4-bit NormalFloat with double quantisation (QLoRA, arXiv 2305.14314, §3), bit for bit as
// bitsandbytes stores it (bitsandbytes/functional.py, quantize_4bit; csrc/cpu_ops.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace omr::nn {

// The 16 values of the NF4 data type.
extern const std::array<float, 16> kNf4CodeBook;

struct Nf4Weight {
  at::Tensor packed;  // uint8 [ceil(n/2), 1]: element 2i in the high nibble
  // uint8 [blocks]: 8-bit codes of the block maxima, less their mean; or float [blocks], the maxima
  // themselves, where a checkpoint was made without double quantisation.
  at::Tensor absmax;
  at::Tensor nested_absmax;         // float [ceil(blocks/256)]; undefined with float absmax
  at::Tensor nested_code;           // float [256]: bitsandbytes' dynamic map; undefined likewise
  float nested_offset = 0;          // mean of the block maxima
  std::vector<std::int64_t> shape;  // of the dense weight
  std::int64_t block_size = 64;
  at::ScalarType dtype = at::kFloat;  // of the dense weight before

  bool nested() const { return absmax.scalar_type() == at::kByte; }
  std::int64_t nbytes() const;
};

// `dense`: floating point, any shape, on the CPU or CUDA.
Nf4Weight quantize_nf4(const at::Tensor& dense, std::int64_t block_size = 64);

// The same blocks on another device.
Nf4Weight to(Nf4Weight quantized, c10::Device device);

// The dense weight again, in `dtype`.
at::Tensor dequantize_nf4(const Nf4Weight& quantized, at::ScalarType dtype);

// x Wᵀ + bias of a weight [out, in], whose values are rounded to x's type; bias may be undefined.
// Gradients flow to x. One vector on CUDA has a kernel of its own (nn/cuda/kernels.h).
at::Tensor dequantized_linear(const at::Tensor& x, const Nf4Weight& quantized,
                              const at::Tensor& bias);

}  // namespace omr::nn
