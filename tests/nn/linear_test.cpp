#include "omr/nn/linear.h"

#include <fstream>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "nn/tensor_difference.h"

namespace omr::nn {
namespace {

Linear make(std::int64_t in, std::int64_t out, bool bias = true) {
  Linear linear(in, out, bias);
  const at::NoGradGuard no_grad;
  linear->weight.normal_(0, 0.3);
  if (bias) linear->bias.normal_();
  for (at::Tensor& parameter : linear->parameters()) parameter.requires_grad_(false);
  return linear;
}

LoraBranch branch(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t rank,
                  double scale) {
  return {name, at::randn({rank, in}), at::randn({out, rank}), scale};
}

at::Tensor delta(const LoraBranch& lora) {
  return lora.scale * lora.lora_B.to(at::kDouble).mm(lora.lora_A.to(at::kDouble));
}

// x Wᵀ + b in fp64.
at::Tensor naive(const Linear& linear, const at::Tensor& x, const at::Tensor& added = {}) {
  at::Tensor weight = linear->base_weight().to(at::kDouble);
  if (added.defined()) weight = weight + added;
  const at::Tensor y = x.to(at::kDouble).matmul(weight.t());
  return linear->bias.defined() ? y + linear->bias.to(at::kDouble) : y;
}

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

class LinearTest : public testing::Test {
 protected:
  LinearTest() { torch::manual_seed(7); }
};

// 64 layers of 4 MiB. With at::empty their first pages alone would be 128 MiB where huge pages are.
TEST_F(LinearTest, AFreshWeightTakesNoMemoryUntilItIsWritten) {
  const at::NoGradGuard no_grad;
  const double before = resident_mib();
  std::vector<Linear> layers;
  for (int i = 0; i < 64; ++i) layers.emplace_back(1024, 1024);
  EXPECT_LT(resident_mib() - before, 16);
  layers[0]->weight.fill_(0.5);
  EXPECT_EQ(layers[0]->weight.sum().item<double>(), 0.5 * 1024 * 1024);
  layers[1]->weight.set_data(at::zeros({1024, 1024}));
}

TEST_F(LinearTest, ComputesXWtPlusBOverAnyLeadingShape) {
  for (const bool bias : {true, false}) {
    Linear linear = make(13, 7, bias);
    for (const at::Tensor& x :
         {at::randn({13}), at::randn({5, 13}), at::randn({2, 3, 13}), at::randn({0, 13})}) {
      const at::Tensor y = linear->forward(x);
      EXPECT_EQ(y.size(-1), 7);
      EXPECT_EQ(y.dim(), x.dim());
      if (x.numel() == 0) continue;
      EXPECT_LT(largest_difference(y, naive(linear, x)), 1e-5);
    }
  }
}

TEST_F(LinearTest, SeveralAdaptersAddUp) {
  Linear linear = make(13, 7);
  const LoraBranch first = branch("a", 13, 7, 4, 0.7), second = branch("b", 13, 7, 2, -1.3);
  const at::Tensor x = at::randn({5, 13});
  linear->add_lora(first);
  EXPECT_LT(largest_difference(linear->forward(x), naive(linear, x, delta(first))), 1e-4);
  linear->add_lora(second);
  EXPECT_LT(largest_difference(linear->forward(x), naive(linear, x, delta(first) + delta(second))),
            1e-4)
      << "an adapter added after the first use counts";
  EXPECT_EQ(linear->lora().size(), 2u);
}

TEST_F(LinearTest, OffIsBitIdenticalToNeverOn) {
  Linear linear = make(64, 48);
  const at::Tensor x = at::randn({9, 64}), weight = linear->weight.clone();
  const at::Tensor before = linear->forward(x);
  for (int round = 0; round < 2; ++round) {
    linear->add_lora(branch("a", 64, 48, 8, 1.0));
    EXPECT_FALSE(same_bits(linear->forward(x), before));
    linear->clear_lora();
    EXPECT_TRUE(same_bits(linear->forward(x), before));
    EXPECT_TRUE(same_bits(linear->weight, weight));
  }
}

TEST_F(LinearTest, HalfWeightsKeepTheirTypeWithAdaptersOn) {
  Linear linear = make(32, 16);
  linear->weight.set_data(linear->weight.to(at::kBFloat16));
  linear->bias.set_data(linear->bias.to(at::kBFloat16));
  const LoraBranch lora = branch("a", 32, 16, 4, 0.5);
  linear->add_lora(lora);
  const at::Tensor x = at::randn({3, 32}).to(at::kBFloat16);
  const at::Tensor y = linear->forward(x);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  EXPECT_LT(largest_difference(y, naive(linear, x, delta(lora))), 0.3);
}

TEST_F(LinearTest, AdaptersWorkOnAQuantisedWeight) {
  Linear linear = make(64, 16);
  const at::Tensor x = at::randn({3, 64}), dense = linear->weight.clone();
  linear->quantize_nf4();
  EXPECT_TRUE(linear->quantized());
  EXPECT_FALSE(linear->weight.defined());
  EXPECT_EQ(linear->named_parameters().size(), 1u) << "only the bias is left";
  EXPECT_LT((linear->base_weight() - dense).abs().max().item<float>(), 0.3);
  const at::Tensor off = linear->forward(x);
  EXPECT_LT(largest_difference(off, naive(linear, x)), 1e-4);
  const LoraBranch lora = branch("a", 64, 16, 4, 0.5);
  linear->add_lora(lora);
  EXPECT_LT(largest_difference(linear->forward(x), naive(linear, x, delta(lora))), 1e-4);
  linear->clear_lora();
  EXPECT_TRUE(same_bits(linear->forward(x), off));
}

TEST_F(LinearTest, QuantisingWithAdaptersOnDropsTheMergedWeight) {
  Linear linear = make(64, 16);
  const LoraBranch lora = branch("a", 64, 16, 4, 0.5);
  const at::Tensor x = at::randn({3, 64});
  linear->add_lora(lora);
  linear->forward(x);
  linear->quantize_nf4();
  EXPECT_LT(largest_difference(linear->forward(x), naive(linear, x, delta(lora))), 1e-4);
}

TEST_F(LinearTest, GradientsFlowToTrainedAdaptersAndToX) {
  for (const bool quantised : {false, true}) {
    Linear linear = make(64, 16);
    if (quantised) linear->quantize_nf4();
    LoraBranch trained = branch("trained", 64, 16, 4, 0.5);
    trained.lora_A.requires_grad_(true);
    trained.lora_B.requires_grad_(true);
    linear->add_lora(branch("frozen", 64, 16, 2, 1.0));
    linear->add_lora(trained);
    const at::Tensor x = at::randn({3, 64}).requires_grad_(true);
    linear->forward(x).sum().backward();
    // d(sum y)/dA = scale · (Bᵀ 1) (Σ x)ᵀ and d(sum y)/dB = scale · 1 (A Σ x)ᵀ
    const at::Tensor total = x.detach().sum(0);
    EXPECT_TRUE(at::allclose(trained.lora_A.grad(),
                             0.5 * at::outer(trained.lora_B.detach().sum(0), total), 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(trained.lora_B.grad(),
                             0.5 * trained.lora_A.detach().mv(total).expand({16, 4}), 1e-4, 1e-4));
    EXPECT_TRUE(x.grad().defined());
  }
}

TEST_F(LinearTest, GradientsThroughAQuantisedWeightAreThoseThroughItsDenseValues) {
  Linear linear = make(64, 16);
  linear->bias.requires_grad_(false);
  linear->quantize_nf4();
  const at::Tensor dense = linear->base_weight();
  const at::Tensor x = at::randn({2, 3, 64}).requires_grad_(true);
  const at::Tensor weights = at::randn({2, 3, 16});
  const at::Tensor y = linear->forward(x);
  (y * weights).sum().backward();
  EXPECT_TRUE(same_bits(y.detach(), at::linear(x.detach(), dense, linear->bias)));
  EXPECT_TRUE(same_bits(x.grad(), weights.matmul(dense)));
  // The graph holds 4-bit blocks, not the dense weight.
  EXPECT_EQ(y.grad_fn()->name().find("Addmm"), std::string::npos) << y.grad_fn()->name();
}

TEST_F(LinearTest, GradientsFlowToOneTrainedHalf) {
  Linear linear = make(8, 6);
  LoraBranch lora = branch("b only", 8, 6, 2, 1.0);
  lora.lora_B.requires_grad_(true);
  linear->add_lora(lora);
  linear->forward(at::randn({3, 8})).sum().backward();
  EXPECT_TRUE(lora.lora_B.grad().defined());
}

TEST_F(LinearTest, GradientsFlowToADenseWeightUnderFrozenAdapters) {
  Linear linear = make(8, 6);
  linear->weight.requires_grad_(true);
  const LoraBranch lora = branch("frozen", 8, 6, 2, 1.0);
  linear->add_lora(lora);
  const at::Tensor x = at::randn({3, 8});
  linear->forward(x).sum().backward();
  ASSERT_TRUE(linear->weight.grad().defined());
  {
    const at::NoGradGuard no_grad;
    linear->weight.add_(1);  // an optimiser's step
  }
  EXPECT_LT(largest_difference(linear->forward(x).detach(), naive(linear, x, delta(lora)).detach()),
            1e-4);
}

TEST_F(LinearTest, WhatInferenceCachedCanBeTrainedThrough) {
  Linear linear = make(8, 6);
  linear->add_lora(branch("frozen", 8, 6, 2, 1.0));
  {
    const c10::InferenceMode inference;
    linear->forward(at::randn({3, 8}));
  }
  const at::Tensor x = at::randn({3, 8}).requires_grad_(true);
  linear->forward(x).sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

}  // namespace
}  // namespace omr::nn
