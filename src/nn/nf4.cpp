#include "omr/nn/nf4.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/accumulate.h>

#include "omr/core/error.h"

#include "nn/kernel_dispatch.h"

namespace omr::nn {

const std::array<float, 16> kNf4CodeBook = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

namespace {

constexpr std::int64_t kNestedBlockSize = 256;
constexpr std::int64_t kBlocksPerTask = 256;
// bitsandbytes divides by at least this (denormal) number, so that a block of zeros stays zeros.
constexpr float kSmallestAbsmax = 1e-38f;

std::int64_t ceil_div(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

// A value belongs to code i when boundary[i-1] < value <= boundary[i].
std::array<float, 15> decision_boundaries() {
  std::array<float, 15> boundaries;
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    boundaries[i] = (kNf4CodeBook[i] + kNf4CodeBook[i + 1]) / 2;
  }
  return boundaries;
}

// The signed 8-bit dynamic data type (arXiv 1511.04561; bitsandbytes' create_dynamic_map): for each
// of seven decades, 2^i means of neighbouring points of linspace(0.1, 1), both signs, and 0 and 1.
// The points come from at::linspace because its rounding is part of the format.
at::Tensor make_dynamic_map() {
  std::vector<double> values = {0.0, 1.0};
  for (int i = 0; i < 7; ++i) {
    const at::Tensor points = at::linspace(0.1, 1, (std::int64_t{1} << i) + 1, at::kFloat);
    const float* point = points.const_data_ptr<float>();
    const double decade = std::pow(10.0, i - 6);
    for (std::int64_t j = 0; j + 1 < points.numel(); ++j) {
      const float mean = (point[j] + point[j + 1]) / 2.0f;
      // As a product of the fp32 tensor and the scale, rounded once to fp32.
      const double value = static_cast<float>(static_cast<float>(decade) * mean);
      values.push_back(value);
      values.push_back(-value);
    }
  }
  std::sort(values.begin(), values.end());
  at::Tensor map = at::empty({256}, at::kFloat);
  std::copy(values.begin(), values.end(), map.mutable_data_ptr<float>());
  return map;
}

const at::Tensor& dynamic_map() {
  static const at::Tensor map = make_dynamic_map();
  return map;
}

// bitsandbytes' CPU code does not search the 256 codes for the nearest: it cuts [-1, 1] into 65536
// steps and takes the code that is nearest to the step (csrc/cpu_ops.cpp, build_quantize_lut).
std::vector<std::uint8_t> make_step_table(const float* code) {
  constexpr int kSteps = 65536;
  std::vector<std::uint8_t> table(kSteps);
  int nearest = 0;
  for (int i = 0; i < kSteps; ++i) {
    const float value = -1.0f + (2.0f * static_cast<float>(i)) / static_cast<float>(kSteps - 1);
    while (nearest < 255 && 0.5f * (code[nearest] + code[nearest + 1]) < value) ++nearest;
    table[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(nearest);
  }
  return table;
}

void quantize_statistics(const at::Tensor& values, at::Tensor& codes, at::Tensor& scales) {
  static const std::vector<std::uint8_t> table =
      make_step_table(dynamic_map().const_data_ptr<float>());
  const std::int64_t n = values.numel();
  codes = at::empty({n}, at::kByte);
  scales = at::empty({ceil_div(n, kNestedBlockSize)}, at::kFloat);
  const float* value = values.const_data_ptr<float>();
  std::uint8_t* code = codes.mutable_data_ptr<std::uint8_t>();
  float* scale = scales.mutable_data_ptr<float>();
  for (std::int64_t begin = 0; begin < n; begin += kNestedBlockSize) {
    const std::int64_t end = std::min(begin + kNestedBlockSize, n);
    float absmax = 0;
    for (std::int64_t i = begin; i < end; ++i) absmax = std::max(absmax, std::fabs(value[i]));
    scale[begin / kNestedBlockSize] = absmax;
    if (absmax == 0) {
      std::fill(code + begin, code + end, std::uint8_t{0});
      continue;
    }
    const float inverse = 1.0f / absmax;
    for (std::int64_t i = begin; i < end; ++i) {
      const float unit = std::clamp(value[i] * inverse, -1.0f, 1.0f);
      code[i] = table[static_cast<std::uint16_t>((unit + 1.0f) * 0.5f * 65535.0f + 0.5f)];
    }
  }
}

// Packs one block, `count` values of which are real, and returns its maximum.
float quantize_block(const float* values, std::int64_t count, std::int64_t block_size,
                     std::uint8_t* packed) {
  static const std::array<float, 15> boundaries = decision_boundaries();
  constexpr std::int64_t kLargestBlock = 4096;
  std::array<float, kLargestBlock> scaled;
  std::array<std::uint8_t, kLargestBlock + 1> codes;

  float absmax = 0;
  bool finite = true;
  for (std::int64_t i = 0; i < count; ++i) {
    absmax = std::max(absmax, std::fabs(values[i]));
    finite &= std::isfinite(values[i]);
  }
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  if (count == block_size) {
    const float inverse = 1.0f / std::max(absmax, kSmallestAbsmax);
    for (std::int64_t i = 0; i < count; ++i) scaled[i] = values[i] * inverse;
  } else {  // the last block, where bitsandbytes divides and keeps the raised maximum
    absmax = std::max(absmax, kSmallestAbsmax);
    for (std::int64_t i = 0; i < count; ++i) scaled[i] = values[i] / absmax;
  }
  std::fill_n(codes.begin(), count, std::uint8_t{0});
  for (const float boundary : boundaries) {
    for (std::int64_t i = 0; i < count; ++i) codes[i] += scaled[i] > boundary;
  }
  if (count % 2 != 0) codes[count] = 7;  // the code of zero fills the last nibble
  for (std::int64_t i = 0; i < count; i += 2) {
    packed[i / 2] = static_cast<std::uint8_t>(codes[i] << 4 | codes[i + 1]);
  }
  return absmax;
}

template <typename T>
void dequantize_block(const std::uint8_t* packed, float absmax, T* out, std::int64_t count) {
  T value[16];
  for (std::size_t code = 0; code < 16; ++code) {
    value[code] = static_cast<T>(kNf4CodeBook[code] * absmax);
  }
  for (std::int64_t i = 0; i < count / 2; ++i) {
    // One store of two: four times as fast as what compilers make of two assignments.
    const T two[2] = {value[packed[i] >> 4], value[packed[i] & 15]};
    std::memcpy(out + 2 * i, two, sizeof two);
  }
  if (count % 2 != 0) out[count - 1] = value[packed[count / 2] >> 4];
}

template <typename T>
void dequantize_blocks(const std::uint8_t* packed, const float* absmax, T* out, std::int64_t n,
                       std::int64_t block_size) {
  const std::int64_t blocks = ceil_div(n, block_size);
  at::parallel_for(0, blocks, kBlocksPerTask, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t block = from; block < to; ++block) {
      const std::int64_t begin = block * block_size;
      dequantize_block(packed + begin / 2, absmax[block], out + begin,
                       std::min(block_size, n - begin));
    }
  });
}

// The block maxima: nested_code[absmax] * nested_absmax, rounded, plus the offset. The sum is a
// step of its own: fused into one multiply-add it would round differently.
at::Tensor decode_absmax(const Nf4Weight& quantized) {
  if (!quantized.nested()) return quantized.absmax;
  const std::int64_t blocks = quantized.absmax.numel();
  if (!quantized.absmax.device().is_cpu()) {
    const at::Tensor scales =
        quantized.nested_absmax.repeat_interleave(kNestedBlockSize).slice(0, 0, blocks);
    return quantized.nested_code.index_select(0, quantized.absmax.to(at::kInt))
        .mul_(scales)
        .add_(quantized.nested_offset);
  }
  at::Tensor decoded = at::empty({blocks}, at::kFloat);
  float* value = decoded.mutable_data_ptr<float>();
  const std::uint8_t* code = quantized.absmax.const_data_ptr<std::uint8_t>();
  const float* map = quantized.nested_code.const_data_ptr<float>();
  const float* scale = quantized.nested_absmax.const_data_ptr<float>();
  for (std::int64_t i = 0; i < blocks; ++i) value[i] = map[code[i]] * scale[i / kNestedBlockSize];
  return decoded.add_(quantized.nested_offset);
}

void check_sizes(const Nf4Weight& quantized, std::int64_t n) {
  const std::int64_t blocks = ceil_div(n, quantized.block_size);
  const auto check = [](const char* name, const at::Tensor& tensor, at::ScalarType dtype,
                        std::int64_t count) {
    if (tensor.defined() && tensor.scalar_type() == dtype && tensor.numel() == count &&
        tensor.is_contiguous()) {
      return;
    }
    throw Error(ErrorKind::format, std::string("an NF4 weight's ") + name + " should hold " +
                                       std::to_string(count) + " values of type " +
                                       c10::toString(dtype));
  };
  check("packed", quantized.packed, at::kByte, ceil_div(n, 2));
  if (quantized.absmax.defined() && !quantized.nested()) {
    check("absmax", quantized.absmax, at::kFloat, blocks);
    return;
  }
  check("absmax", quantized.absmax, at::kByte, blocks);
  check("nested_absmax", quantized.nested_absmax, at::kFloat, ceil_div(blocks, kNestedBlockSize));
  check("nested_code", quantized.nested_code, at::kFloat, 256);
}

void check_block_size(std::int64_t block_size) {
  const bool power_of_two = block_size > 0 && (block_size & (block_size - 1)) == 0;
  if (!power_of_two || block_size < 32 || block_size > 4096) {
    throw Error(ErrorKind::mismatch, "NF4 block size " + std::to_string(block_size) +
                                         " is not a power of two from 32 to 4096");
  }
}

}  // namespace

std::int64_t Nf4Weight::nbytes() const {
  std::size_t bytes = packed.nbytes() + absmax.nbytes();
  if (nested()) bytes += nested_absmax.nbytes() + nested_code.nbytes() + sizeof nested_offset;
  return static_cast<std::int64_t>(bytes);
}

Nf4Weight quantize_nf4(const at::Tensor& dense, std::int64_t block_size) {
  check_block_size(block_size);
  const at::NoGradGuard no_grad;
  const at::ScalarType dtype = dense.scalar_type();
  if ((dtype != at::kFloat && dtype != at::kHalf && dtype != at::kBFloat16) || dense.numel() == 0) {
    throw Error(ErrorKind::mismatch, std::string("NF4 takes fp32, fp16 or bf16 weights, not ") +
                                         (dense.numel() == 0 ? "an empty one" : toString(dtype)));
  }
  // Packed on the CPU whatever the device: it happens once, and the bytes do not depend on a GPU.
  const at::Tensor host = dense.detach().cpu().contiguous();
  const std::int64_t n = host.numel();
  const std::int64_t blocks = ceil_div(n, block_size);
  Nf4Weight quantized;
  quantized.shape = dense.sizes().vec();
  quantized.block_size = block_size;
  quantized.dtype = dtype;
  quantized.packed = at::empty({ceil_div(n, 2), 1}, at::kByte);
  const at::Tensor absmax = at::empty({blocks}, at::kFloat);
  std::uint8_t* packed = quantized.packed.mutable_data_ptr<std::uint8_t>();
  float* maximum = absmax.mutable_data_ptr<float>();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dtype, "quantize_nf4", [&] {
    const scalar_t* weight = host.const_data_ptr<scalar_t>();
    at::parallel_for(0, blocks, kBlocksPerTask, [&](std::int64_t from, std::int64_t to) {
      std::vector<float> values(static_cast<std::size_t>(block_size));
      for (std::int64_t block = from; block < to; ++block) {
        const std::int64_t begin = block * block_size;
        const std::int64_t count = std::min(block_size, n - begin);
        for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(weight[begin + i]);
        maximum[block] = quantize_block(values.data(), count, block_size, packed + begin / 2);
      }
    });
  });

  const at::Tensor offset = absmax.mean();
  quantized.nested_offset = offset.item<float>();
  if (!std::isfinite(quantized.nested_offset)) {
    throw Error(ErrorKind::format,
                "a weight to be quantised to NF4 holds values that are infinite or not a number");
  }
  quantize_statistics(absmax - offset, quantized.absmax, quantized.nested_absmax);
  quantized.nested_code = dynamic_map();
  return to(std::move(quantized), dense.device());
}

Nf4Weight to(Nf4Weight quantized, c10::Device device) {
  for (at::Tensor* tensor :
       {&quantized.packed, &quantized.absmax, &quantized.nested_absmax, &quantized.nested_code}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return quantized;
}

at::Tensor dequantize_nf4(const Nf4Weight& quantized, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  check_block_size(quantized.block_size);
  const std::int64_t n = c10::multiply_integers(quantized.shape);
  check_sizes(quantized, n);
  if (at::Tensor dense = dequantize_nf4_kernel(quantized, dtype); dense.defined()) return dense;
  const at::Tensor absmax = decode_absmax(quantized);
  const at::Device device = quantized.packed.device();
  if (device.is_cpu()) {
    at::Tensor dense = at::empty(quantized.shape, dtype);
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dtype, "dequantize_nf4", [&] {
      dequantize_blocks(quantized.packed.const_data_ptr<std::uint8_t>(),
                        absmax.const_data_ptr<float>(), dense.mutable_data_ptr<scalar_t>(), n,
                        quantized.block_size);
    });
    return dense;
  }
  const at::Tensor packed = quantized.packed.flatten();
  const at::Tensor codes = at::stack({packed.bitwise_right_shift(4), packed.bitwise_and(15)}, 1);
  const at::Tensor code_book =
      at::tensor(at::ArrayRef<float>(kNf4CodeBook.data(), 16), at::kFloat).to(device);
  const at::Tensor units = code_book.index_select(0, codes.flatten().to(at::kInt)).slice(0, 0, n);
  const std::int64_t whole = n / quantized.block_size * quantized.block_size;
  const at::Tensor head = units.slice(0, 0, whole).view({-1, quantized.block_size}) *
                          absmax.slice(0, 0, whole / quantized.block_size).unsqueeze(1);
  const at::Tensor tail = units.slice(0, whole) * absmax.slice(0, absmax.numel() - 1);
  return at::cat({head.flatten(), tail}).view(quantized.shape).to(dtype);
}

at::Tensor dequantized_linear(const at::Tensor& x, const Nf4Weight& quantized,
                              const at::Tensor& bias) {
  if (at::Tensor y = nf4_gemv_kernel(x, quantized, bias); y.defined()) return y;
  return at::linear(x, dequantize_nf4(quantized, x.scalar_type()), bias);
}

}  // namespace omr::nn
