#include "omr/nn/attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "nn/tensor_difference.h"

namespace omr::nn {
namespace {

// softmax(q kᵀ / sqrt(D) + mask) v, written out in fp64, one number at a time.
at::Tensor naive(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t heads,
                 const at::Tensor& mask, bool causal) {
  const std::int64_t batch = q.size(0), n = q.size(1), s = k.size(1), d = q.size(2) / heads,
                     kv_heads = k.size(2) / d;
  const at::Tensor q64 = q.to(at::kDouble).contiguous(), k64 = k.to(at::kDouble).contiguous(),
                   v64 = v.to(at::kDouble).contiguous();
  const at::Tensor mask64 = mask.defined()
                                ? mask.to(at::kDouble).expand({batch, heads, n, s}).contiguous()
                                : at::zeros({batch, heads, n, s}, at::kDouble);
  const auto qa = q64.accessor<double, 3>(), ka = k64.accessor<double, 3>(),
             va = v64.accessor<double, 3>();
  const auto ma = mask64.accessor<double, 4>();
  at::Tensor out = at::zeros({batch, n, heads * d}, at::kDouble);
  auto oa = out.accessor<double, 3>();
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int64_t g = h / (heads / kv_heads);
      for (std::int64_t i = 0; i < n; ++i) {
        std::vector<double> weight(static_cast<std::size_t>(s), 0.0);
        double largest = -INFINITY, total = 0;
        for (std::int64_t j = 0; j < s; ++j) {
          double score = 0;
          for (std::int64_t c = 0; c < d; ++c) score += qa[b][i][h * d + c] * ka[b][j][g * d + c];
          score = score / std::sqrt(static_cast<double>(d)) + ma[b][h][i][j];
          if (causal && j > i) score = -INFINITY;
          weight[static_cast<std::size_t>(j)] = score;
          largest = std::max(largest, score);
        }
        for (double& w : weight) total += w = std::exp(w - largest);
        for (std::int64_t j = 0; j < s; ++j) {
          for (std::int64_t c = 0; c < d; ++c)
            oa[b][i][h * d + c] +=
                weight[static_cast<std::size_t>(j)] / total * va[b][j][g * d + c];
        }
      }
    }
  }
  return out;
}

class MultiHeadAttentionTest : public testing::Test {
 protected:
  MultiHeadAttentionTest() {
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
    generator.set_current_seed(5);
  }
};

TEST_F(MultiHeadAttentionTest, MatchesTheFormulaForSelfAndCrossAttention) {
  for (const auto& [batch, n, s, heads, d] :
       {std::tuple(1, 1, 1, 1, 1), std::tuple(2, 5, 5, 3, 4), std::tuple(3, 7, 11, 2, 5),
        std::tuple(1, 64, 77, 5, 64)}) {
    const at::Tensor q = at::randn({batch, n, heads * d}), k = at::randn({batch, s, heads * d}),
                     v = at::randn({batch, s, heads * d});
    EXPECT_LT(
        largest_difference(multi_head_attention(q, k, v, heads), naive(q, k, v, heads, {}, false)),
        2e-6);
  }
}

TEST_F(MultiHeadAttentionTest, GroupedKeysServeTheirHeadsInOrder) {
  for (const std::int64_t kv_heads : {1, 2, 3, 6}) {
    const at::Tensor q = at::randn({2, 5, 6 * 4}), k = at::randn({2, 5, kv_heads * 4}),
                     v = at::randn({2, 5, kv_heads * 4});
    for (const bool causal : {false, true}) {
      EXPECT_LT(largest_difference(multi_head_attention(q, k, v, 6, {}, causal),
                                   naive(q, k, v, 6, {}, causal)),
                2e-6)
          << kv_heads;
    }
  }
}

TEST_F(MultiHeadAttentionTest, CausalMasksTheFuture) {
  const at::Tensor q = at::randn({2, 6, 8}), k = at::randn({2, 6, 8}), v = at::randn({2, 6, 8});
  const at::Tensor out = multi_head_attention(q, k, v, 2, {}, true);
  EXPECT_LT(largest_difference(out, naive(q, k, v, 2, {}, true)), 2e-6);
  at::Tensor changed = v.clone();
  changed.select(1, 5).fill_(100);
  EXPECT_TRUE(at::equal(multi_head_attention(q, k, changed, 2, {}, true).narrow(1, 0, 5),
                        out.narrow(1, 0, 5)));
}

TEST_F(MultiHeadAttentionTest, AddsABroadcastMask) {
  const at::Tensor q = at::randn({2, 5, 12}), k = at::randn({2, 7, 12}), v = at::randn({2, 7, 12});
  at::Tensor padding = at::zeros({2, 1, 1, 7});
  padding.select(0, 1).narrow(2, 4, 3).fill_(-INFINITY);
  for (const at::Tensor& mask : {padding, at::randn({1, 1, 5, 7}), at::randn({2, 3, 5, 7})}) {
    EXPECT_LT(
        largest_difference(multi_head_attention(q, k, v, 3, mask), naive(q, k, v, 3, mask, false)),
        2e-6);
  }
}

TEST_F(MultiHeadAttentionTest, TakesSlicesOfAFusedProjection) {
  const at::Tensor fused = at::randn({2, 5, 36});
  const auto parts = fused.chunk(3, -1);
  EXPECT_LT(largest_difference(multi_head_attention(parts[0], parts[1], parts[2], 3),
                               naive(parts[0], parts[1], parts[2], 3, {}, false)),
            2e-6);
}

TEST(ScaledDotProductAttentionTest, GradientsOfBf16AreThoseOfItsValuesInFp32) {
  at::manual_seed(5);
  std::vector<at::Tensor> narrow, wide;
  for (const std::int64_t heads : {6, 2, 2}) {
    narrow.push_back(at::randn({2, heads, 7, 8}).to(at::kBFloat16).requires_grad_());
    wide.push_back(narrow.back().detach().to(at::kFloat).requires_grad_());
  }
  const at::Tensor mask = at::randn({7, 7});
  const auto attend = [&](const std::vector<at::Tensor>& x, const at::Tensor& bias) {
    return scaled_dot_product_attention(x[0], x[1], x[2], bias, /*causal=*/false,
                                        /*grouped=*/true);
  };
  const at::Tensor out = attend(narrow, mask.to(at::kBFloat16));
  EXPECT_EQ(out.scalar_type(), at::kBFloat16);
  const at::Tensor wanted = attend(wide, mask.to(at::kBFloat16).to(at::kFloat));
  EXPECT_TRUE(at::equal(out, wanted.to(at::kBFloat16)));
  const at::Tensor weight = at::randn(out.sizes()).to(at::kBFloat16);
  (out * weight).sum().backward();
  (wanted * weight.to(at::kFloat)).sum().backward();
  for (std::size_t i = 0; i < narrow.size(); ++i)
    EXPECT_TRUE(at::equal(narrow[i].grad(), wide[i].grad().to(at::kBFloat16)));
}

TEST(ScaledDotProductAttentionTest, AutocastLeavesTheGradientsOfFp32) {
  at::manual_seed(6);
  std::vector<at::Tensor> cast, plain;
  for (int i = 0; i < 3; ++i) {
    plain.push_back(at::randn({2, 3, 7, 8}).requires_grad_());
    cast.push_back(plain.back().detach().clone().requires_grad_());
  }
  nn::scaled_dot_product_attention(plain[0], plain[1], plain[2]).square().sum().backward();
  const bool was_enabled = at::autocast::is_autocast_enabled(at::kCPU);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor out = nn::scaled_dot_product_attention(cast[0], cast[1], cast[2]);
  at::autocast::set_autocast_enabled(at::kCPU, was_enabled);
  out.square().sum().backward();
  for (std::size_t i = 0; i < cast.size(); ++i)
    EXPECT_TRUE(at::equal(cast[i].grad(), plain[i].grad()));
}

}  // namespace
}  // namespace omr::nn
