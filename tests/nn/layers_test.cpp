#include "omr/nn/layers.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/nn/activation.h"

#include "nn/tensor_difference.h"
#include "support/error_of.h"

namespace omr::nn {
namespace {

template <typename Layer>
void randomise(Layer& layer) {
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : layer->parameters()) parameter.normal_().requires_grad_(false);
}

TEST(RMSNormTest, DividesByTheRootMeanSquare) {
  RMSNorm norm(37, 1e-5);
  randomise(norm);
  for (const double size : {1.0, 1e-4, 1e4}) {
    const at::Tensor x = at::randn({3, 5, 37}) * size, wide = x.to(at::kDouble);
    const at::Tensor wanted =
        norm->weight.to(at::kDouble) * wide / ((wide * wide).sum(-1, true) / 37 + 1e-5).sqrt();
    EXPECT_LT(largest_difference(norm->forward(x), wanted), 1e-5);
  }
}

TEST(RMSNormTest, ComputesHalfInputsInFp32) {
  RMSNorm norm(64, 1e-6);
  randomise(norm);
  norm->weight.set_data(norm->weight.to(at::kHalf));
  const at::Tensor x = (at::randn({2, 64}) * 300).to(at::kHalf),
                   wide = x.to(at::kDouble);  // squares overflow fp16
  const at::Tensor wanted =
      norm->weight.to(at::kDouble) * wide / ((wide * wide).mean(-1, true) + 1e-6).sqrt();
  const at::Tensor got = norm->forward(x);
  EXPECT_EQ(got.scalar_type(), at::kHalf);
  EXPECT_LT(largest_difference(got, wanted), 1e-2);
}

TEST(RMSNormTest, LeavesZerosZero) {
  RMSNorm norm(8, 1e-6);
  randomise(norm);
  EXPECT_TRUE(at::equal(norm->forward(at::zeros({2, 8})), at::zeros({2, 8})));
}

TEST(LayerNormTest, CentresAndScalesTheLastDimension) {
  LayerNorm norm(11, 1e-5);
  randomise(norm);
  const at::Tensor x = at::randn({2, 3, 11}) * 5 + 2, wide = x.to(at::kDouble),
                   centred = wide - wide.mean(-1, true);
  const at::Tensor wanted =
      centred / ((centred * centred).mean(-1, true) + 1e-5).sqrt() * norm->weight.to(at::kDouble) +
      norm->bias.to(at::kDouble);
  EXPECT_LT(largest_difference(norm->forward(x), wanted), 1e-5);
}

TEST(GroupNormTest, CentresAndScalesGroupsOfChannels) {
  GroupNorm norm(3, 12, 1e-6);
  randomise(norm);
  const at::Tensor x = at::randn({2, 12, 5, 4}) * 3 - 1,
                   groups = x.to(at::kDouble).view({2, 3, -1}),
                   centred = groups - groups.mean(-1, true);
  const at::Tensor normal =
      (centred / ((centred * centred).mean(-1, true) + 1e-6).sqrt()).view({2, 12, 5, 4});
  const at::Tensor wanted = normal * norm->weight.to(at::kDouble).view({12, 1, 1}) +
                            norm->bias.to(at::kDouble).view({12, 1, 1});
  EXPECT_LT(largest_difference(norm->forward(x), wanted), 1e-5);
}

TEST(Conv2dTest, SlidesItsKernelWithStrideAndPadding) {
  for (const auto& [kernel, stride, padding, bias] :
       {std::tuple(1, 1, 0, true), std::tuple(3, 1, 1, true), std::tuple(3, 2, 1, false),
        std::tuple(3, 2, 0, true)}) {
    Conv2d conv(4, 6, kernel, stride, padding, bias);
    randomise(conv);
    const at::Tensor x = at::randn({2, 4, 9, 7});
    const at::Tensor padded =
        at::constant_pad_nd(x.to(at::kDouble), {padding, padding, padding, padding});
    const std::int64_t height = (9 + 2 * padding - kernel) / stride + 1,
                       width = (7 + 2 * padding - kernel) / stride + 1;
    at::Tensor wanted = at::zeros({2, 6, height, width}, at::kDouble);
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t z = 0; z < width; ++z) {
        const at::Tensor patch =
            padded.narrow(2, y * stride, kernel).narrow(3, z * stride, kernel).flatten(1);
        wanted.select(3, z).select(2, y).copy_(
            patch.matmul(conv->weight.to(at::kDouble).flatten(1).t()));
      }
    }
    if (bias) wanted += conv->bias.to(at::kDouble).view({6, 1, 1});
    EXPECT_EQ(conv->bias.defined(), bias);
    EXPECT_LT(largest_difference(conv->forward(x), wanted), 2e-5);
  }
}

TEST(EmbeddingTest, LooksRowsUp) {
  Embedding embedding(5, 3);
  randomise(embedding);
  const at::Tensor ids = at::tensor({4, 0, 2, 2}, at::kLong).view({2, 2});
  const at::Tensor out = embedding->forward(ids);
  EXPECT_EQ(out.sizes(), (at::IntArrayRef{2, 2, 3}));
  EXPECT_TRUE(at::equal(out[0][0], embedding->weight[4]));
  EXPECT_TRUE(at::equal(out[1][0], out[1][1]));
}

TEST(ActivationTest, ComputesEachByItsFormula) {
  const at::Tensor x = at::linspace(-6, 6, 101), w = x.to(at::kDouble);
  const auto check = [&](const char* name, const at::Tensor& wanted) {
    EXPECT_LT(largest_difference(activate(parse_activation(name, "config.json"), x), wanted), 1e-6)
        << name;
  };
  check("gelu", 0.5 * w * (1 + (w / std::sqrt(2.0)).erf()));
  const at::Tensor tanh = 0.5 * w * (1 + (std::sqrt(2 / M_PI) * (w + 0.044715 * w.pow(3))).tanh());
  check("gelu_new", tanh);
  check("gelu_pytorch_tanh", tanh);
  check("quick_gelu", w / (1 + (-1.702 * w).exp()));
  check("silu", w / (1 + (-w).exp()));
  check("swish", w / (1 + (-w).exp()));
  check("relu", w.clamp_min(0));
}

TEST(ActivationTest, NamesTheSourceOfAnUnknownOne) {
  const Error error = error_of([] { parse_activation("mish", "unet/config.json"); });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  EXPECT_TRUE(says(error, "unet/config.json") && says(error, "mish")) << error.what();
}

}  // namespace
}  // namespace omr::nn
