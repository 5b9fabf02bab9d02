// Operations with two forms: what holds for ATen's here holds for the kernels on CUDA, where these
// tests run on both.
#include "omr/nn/fused_ops.h"

#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/nn/activation.h"
#include "omr/nn/execution.h"
#include "omr/nn/nf4.h"

#include "nn/kernel_dispatch.h"
#include "nn/tensor_difference.h"

namespace omr::nn {
namespace {

std::vector<c10::Device> devices() {
  std::vector<c10::Device> out = {c10::Device(c10::kCPU)};
  if (const c10::Device best = resolve_execution("auto", "auto").device; best.is_cuda()) {
    out.push_back(best);
  }
  return out;
}

// Rounding of numbers up to about 4.
double tolerance(at::ScalarType type) {
  return type == at::kFloat ? 1e-5 : type == at::kHalf ? 8e-3 : 6e-2;
}

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kHalf, at::kBFloat16};

TEST(FusedOpsTest, GroupNormAndSiluAreThoseOfFp32InEitherLayout) {
  for (const c10::Device device : devices()) {
    for (const at::ScalarType type : kTypes) {
      for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        const at::Tensor x = at::randn({2, 12, 5, 9}).to(device, type).contiguous(layout);
        const at::Tensor weight = at::randn({12}).to(device, type);
        const at::Tensor bias = at::randn({12}).to(device, type);
        const at::Tensor plain =
            at::group_norm(x.cpu().to(at::kFloat), 3, weight.cpu().to(at::kFloat),
                           bias.cpu().to(at::kFloat), 1e-6);
        EXPECT_LT(largest_difference(group_norm(x, 3, weight, bias, 1e-6, false), plain),
                  tolerance(type));
        EXPECT_LT(largest_difference(group_norm(x, 3, weight, bias, 1e-6, true), at::silu(plain)),
                  tolerance(type));
      }
    }
  }
}

TEST(FusedOpsTest, GegluIsTheGatedHalf) {
  for (const c10::Device device : devices()) {
    for (const at::ScalarType type : kTypes) {
      const at::Tensor x = at::randn({2, 3, 14}).to(device, type);
      const auto halves = x.cpu().to(at::kFloat).chunk(2, -1);
      EXPECT_LT(largest_difference(geglu(x), halves[0] * at::gelu(halves[1])), tolerance(type));
    }
  }
}

TEST(FusedOpsTest, Nf4TimesOneVectorAndTimesManyIsTheDequantisedProduct) {
  const Nf4Weight quantized = quantize_nf4(at::randn({10, 128}) * 0.1);
  const at::Tensor dense = dequantize_nf4(quantized, at::kFloat);
  for (const c10::Device device : devices()) {
    const Nf4Weight there = to(quantized, device);
    EXPECT_TRUE(at::equal(dequantize_nf4(there, at::kFloat).cpu(), dense));
    for (std::int64_t vectors : {1, 3}) {
      const at::Tensor x = at::randn({1, vectors, 128});
      const at::Tensor bias = at::randn({10});
      EXPECT_LT(largest_difference(dequantized_linear(x.to(device), there, bias.to(device)),
                                   at::linear(x, dense, bias)),
                1e-5);
    }
  }
}

TEST(FusedOpsTest, GradientsFlow) {
  const at::Tensor x = at::randn({1, 4, 3, 3}).requires_grad_();
  const at::Tensor weight = at::ones({4}), bias = at::zeros({4});
  group_norm(x, 2, weight, bias, 1e-5, true).sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

TEST(KernelDispatchTest, KernelsTakeOnlyWhatTheyComputeRightly) {
  const at::Tensor x = at::randn({2, 8, 4, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor ones = at::ones({8});
  EXPECT_TRUE(suits_group_norm_kernel(x, 4, ones, ones));
  EXPECT_FALSE(suits_group_norm_kernel(x.contiguous(), 4, ones, ones)) << "channels first";
  EXPECT_FALSE(suits_group_norm_kernel(x, 3, ones, ones)) << "groups that do not divide";
  EXPECT_FALSE(suits_group_norm_kernel(x, 4, ones.to(at::kHalf), ones)) << "mixed types";
  EXPECT_FALSE(
      suits_group_norm_kernel(x.to(at::kDouble), 4, ones.to(at::kDouble), ones.to(at::kDouble)));
  EXPECT_FALSE(suits_group_norm_kernel(at::randn({2, 8, 4}), 4, ones, ones));
  EXPECT_FALSE(suits_group_norm_kernel(x, 4, at::ones({8}).requires_grad_(), ones)) << "training";

  EXPECT_TRUE(suits_geglu_kernel(at::randn({3, 6})));
  EXPECT_FALSE(suits_geglu_kernel(at::randn({3, 5})));
  EXPECT_FALSE(suits_geglu_kernel(at::randn({6, 3}).t()));

  const Nf4Weight weight = quantize_nf4(at::randn({4, 128}));
  EXPECT_TRUE(suits_nf4_gemv_kernel(at::randn({1, 1, 128}), weight, at::randn({4})));
  EXPECT_FALSE(suits_nf4_gemv_kernel(at::randn({2, 128}), weight, {})) << "two vectors";
  EXPECT_FALSE(suits_nf4_gemv_kernel(at::randn({1, 96}), quantize_nf4(at::randn({4, 96})), {}))
      << "rows that begin within a block";
}

}  // namespace
}  // namespace omr::nn
