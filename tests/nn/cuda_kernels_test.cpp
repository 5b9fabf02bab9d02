// The custom CUDA kernels' own code, run thread by thread on the CPU, against ATen and omr's NF4.
#include <algorithm>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/nn/fused_ops.h"
#include "omr/nn/nf4.h"

#include "nn/cuda/geglu_kernels.cuh"
#include "nn/cuda/group_norm_kernels.cuh"
#include "nn/cuda/nf4_kernels.cuh"
#include "nn/tensor_difference.h"

namespace omr::nn::cuda {
namespace {

Nf4Blocks blocks_of(const Nf4Weight& quantized) {
  Nf4Blocks out{};
  out.packed = quantized.packed.const_data_ptr<std::uint8_t>();
  if (quantized.nested()) {
    out.codes = quantized.absmax.const_data_ptr<std::uint8_t>();
    out.nested_absmax = quantized.nested_absmax.const_data_ptr<float>();
    out.nested_code = quantized.nested_code.const_data_ptr<float>();
    out.offset = quantized.nested_offset;
  } else {
    out.absmax = quantized.absmax.const_data_ptr<float>();
  }
  out.count = quantized.shape[0] * quantized.shape[1];
  out.block_size = quantized.block_size;
  return out;
}

Nf4Code code_book() {
  Nf4Code out;
  std::copy(kNf4CodeBook.begin(), kNf4CodeBook.end(), out.value);
  return out;
}

template <typename T>
class CudaKernelsTest : public testing::Test {
 protected:
  static constexpr at::ScalarType kType = c10::CppTypeToScalarType<T>::value;
  // Of numbers about 4: one unit in the last place of each type.
  static constexpr double kTolerance = sizeof(T) == 4 ? 1e-5 : kType == at::kHalf ? 4e-3 : 4e-2;
};
using Types = testing::Types<float, c10::Half, c10::BFloat16>;
TYPED_TEST_SUITE(CudaKernelsTest, Types);

TYPED_TEST(CudaKernelsTest, GroupNormOfAnyChunksIsAtens) {
  using T = TypeParam;
  const std::int64_t batch = 2, channels = 24, height = 5, width = 7;
  for (std::int64_t groups : {1, 4, 24}) {
    for (std::int64_t chunk_pixels : {3, 8, 35, 64}) {
      for (bool silu : {false, true}) {
        // A mean far from zero, which E[x²] − E[x]² would not survive.
        const at::Tensor x = (at::randn({batch, channels, height, width}) + 30)
                                 .to(this->kType)
                                 .contiguous(at::MemoryFormat::ChannelsLast);
        const at::Tensor weight = at::randn({channels}).to(this->kType);
        const at::Tensor bias = at::randn({channels}).to(this->kType);
        const GroupNormShape shape{batch, height * width, channels, groups, 1e-5f, silu};
        const auto chunks = static_cast<unsigned>((shape.pixels + chunk_pixels - 1) / chunk_pixels);
        std::vector<GroupSums> partial(static_cast<std::size_t>(batch * chunks * groups));
        at::Tensor y = at::empty_like(x);
        const T* data = x.const_data_ptr<T>();
        Emulator::launch({chunks, batch}, {32},
                         [&] { group_sums_kernel<T>(data, partial.data(), shape, chunk_pixels); });
        Emulator::launch({chunks, batch}, {32}, [&] {
          group_normalize_kernel<T>(data, weight.const_data_ptr<T>(), bias.const_data_ptr<T>(),
                                    y.mutable_data_ptr<T>(), partial.data(), shape, chunk_pixels);
        });
        // In fp64: ATen's own fp32 is no judge, it takes E[x²] − E[x]² for channels last.
        at::Tensor expected = at::group_norm(x.to(at::kDouble).contiguous(), groups,
                                             weight.to(at::kDouble), bias.to(at::kDouble), 1e-5);
        if (silu) expected = at::silu(expected);
        EXPECT_LT(largest_difference(y, expected), 2 * this->kTolerance)
            << groups << " groups, chunks of " << chunk_pixels;
      }
    }
  }
}

TYPED_TEST(CudaKernelsTest, GegluIsAtens) {
  using T = TypeParam;
  const at::Tensor x = at::randn({5, 2 * 13}).to(this->kType);
  at::Tensor y = at::empty({5, 13}, x.options());
  Emulator::launch({2}, {8}, [&] {  // fewer threads than values: each takes several
    geglu_kernel<T>(x.const_data_ptr<T>(), y.mutable_data_ptr<T>(), 5, 13);
  });
  EXPECT_LT(largest_difference(y, nn::geglu(x)), this->kTolerance);
}

TYPED_TEST(CudaKernelsTest, DequantisedNf4IsTheSameToTheBit) {
  using T = TypeParam;
  for (std::int64_t rows : {1, 3, 129}) {
    Nf4Weight quantized = quantize_nf4(at::randn({rows, 70}));
    for (bool nested : {true, false}) {
      if (!nested) {
        quantized.absmax = at::rand({(rows * 70 + 63) / 64});
        quantized.nested_absmax = quantized.nested_code = at::Tensor();
      }
      at::Tensor out = at::empty({rows, 70}, at::TensorOptions().dtype(this->kType));
      Emulator::launch({2}, {32}, [&] {
        dequantize_nf4_kernel<T>(blocks_of(quantized), code_book(), out.mutable_data_ptr<T>());
      });
      EXPECT_TRUE(at::equal(out, nn::dequantize_nf4(quantized, this->kType)));
    }
  }
}

TYPED_TEST(CudaKernelsTest, Nf4TimesAVectorIsTheDequantisedProduct) {
  using T = TypeParam;
  const std::int64_t rows = 11, columns = 320;
  const Nf4Weight quantized = quantize_nf4(at::randn({rows, columns}) * 0.05);
  const at::Tensor x = at::randn({1, columns}).to(this->kType);
  for (bool biased : {false, true}) {
    const at::Tensor bias = biased ? at::randn({rows}).to(this->kType) : at::Tensor();
    at::Tensor y = at::empty({1, rows}, x.options());
    Emulator::launch({3}, {kWarp, 4}, [&] {
      nf4_gemv_kernel<T>(x.const_data_ptr<T>(), blocks_of(quantized), code_book(),
                         biased ? bias.const_data_ptr<T>() : nullptr, y.mutable_data_ptr<T>(), rows,
                         columns);
    });
    const at::Tensor expected =
        at::linear(x.to(at::kFloat), nn::dequantize_nf4(quantized, this->kType).to(at::kFloat),
                   biased ? std::optional(bias.to(at::kFloat)) : std::nullopt);
    EXPECT_LT(largest_difference(y, expected), this->kTolerance);
  }
}

}  // namespace
}  // namespace omr::nn::cuda
