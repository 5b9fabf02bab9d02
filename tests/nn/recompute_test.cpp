#include "omr/nn/recompute.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/nn/linear.h"

namespace omr::nn {
namespace {

struct Gradients {
  at::Tensor of_x, of_other, of_weight, output;
  int calls = 0;
};

Gradients through(bool recompute, bool x_wants = true) {
  torch::manual_seed(3);
  Linear linear(7, 5);
  {
    const at::NoGradGuard no_grad;
    linear->weight.normal_();
    linear->bias.normal_();
  }
  at::Tensor x = at::randn({4, 7}).requires_grad_(x_wants);
  at::Tensor other = at::randn({4, 5}).requires_grad_(true);
  Gradients out;
  {
    const Recomputation recomputation(recompute);
    const Layer layer = [&, linear](const at::Tensor& in, const at::Tensor& scale) mutable {
      ++out.calls;
      const at::Tensor y = linear->forward(in).tanh();
      return scale.defined() ? y * scale : y;
    };
    const at::Tensor first = recomputed(layer, x, other);
    out.output =
        recomputed([](const at::Tensor& in, const at::Tensor&) { return in.sin(); }, first);
  }
  out.output.square().sum().backward();
  out.of_x = x.grad();
  out.of_other = other.grad();
  out.of_weight = linear->weight.grad();
  return out;
}

TEST(RecomputeTest, GradientsAreThoseOfTheLayerKept) {
  const Gradients kept = through(false), again = through(true);
  EXPECT_EQ(kept.calls, 1);
  EXPECT_EQ(again.calls, 2) << "once forward, once for the backward pass";
  EXPECT_TRUE(kept.output.equal(again.output));
  EXPECT_TRUE(kept.of_x.equal(again.of_x));
  EXPECT_TRUE(kept.of_other.equal(again.of_other));
  EXPECT_TRUE(kept.of_weight.equal(again.of_weight));
}

TEST(RecomputeTest, AnInputWithoutGradientGetsNone) {
  const Gradients kept = through(false, false), again = through(true, false);
  EXPECT_FALSE(again.of_x.defined());
  EXPECT_TRUE(kept.of_other.equal(again.of_other));
  EXPECT_TRUE(kept.of_weight.equal(again.of_weight));
}

TEST(RecomputeTest, NothingIsKeptOrDoneTwiceWithoutGradients) {
  const Recomputation recomputation(true);
  int calls = 0;
  const Layer layer = [&](const at::Tensor& in, const at::Tensor&) {
    ++calls;
    return in * 2;
  };
  EXPECT_FALSE(recomputed(layer, at::ones({2})).requires_grad());
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(recomputed(layer, at::ones({2}).requires_grad_(true)).requires_grad());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace omr::nn
