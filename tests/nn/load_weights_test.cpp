#include "omr/nn/load_weights.h"

#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/nn/layers.h"
#include "omr/nn/linear.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::nn {
namespace {

struct PairImpl : torch::nn::Module {
  PairImpl() {
    proj = register_module("proj", Linear(3, 2));
    norm = register_module("norm", LayerNorm(2, 1e-5));
  }
  Linear proj{nullptr};
  LayerNorm norm{nullptr};
};
TORCH_MODULE(Pair);

class LoadWeightsTest : public testing::Test {
 protected:
  io::Weights weights(const io::NamedTensors& tensors) {
    io::write_safetensors(folder_.path() / "model.safetensors", tensors);
    return io::Weights::open(folder_.path(), "model");
  }
  io::NamedTensors fitting(at::ScalarType dtype = at::kFloat) {
    return {{"proj.weight", at::arange(6, dtype).view({2, 3})},
            {"proj.bias", at::ones({2}, dtype)},
            {"norm.weight", at::ones({2}, dtype)},
            {"norm.bias", at::zeros({2}, dtype)}};
  }
  Error refused(const io::NamedTensors& tensors) {
    const io::Weights file = weights(tensors);
    Pair pair;
    const Error error = error_of([&] { load_weights(*pair, file, "pair", {}); });
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    EXPECT_TRUE(says(error, "model.safetensors") && says(error, "pair")) << error.what();
    return error;
  }
  TemporaryFolder folder_;
  Pair pair;
};

TEST_F(LoadWeightsTest, CopiesNothingWhenTypeAndDeviceFit) {
  const io::Weights file = weights(fitting());
  load_weights(*pair, file, "pair", {});
  EXPECT_EQ(pair->proj->weight.data_ptr(), file.tensor("proj.weight").data_ptr());
  EXPECT_EQ(pair->norm->bias.data_ptr(), file.tensor("norm.bias").data_ptr());
  EXPECT_EQ(pair->proj->forward(at::ones({3})).sum().item<float>(), 17.0f);
}

TEST_F(LoadWeightsTest, ConvertsToTheTypeOfExecution) {
  for (const at::ScalarType stored : {at::kHalf, at::kBFloat16, at::kDouble, at::kFloat}) {
    for (const at::ScalarType wanted : {at::kFloat, at::kHalf, at::kBFloat16}) {
      Pair fresh;
      load_weights(*fresh, weights(fitting(stored)), "pair", {c10::kCPU, wanted});
      EXPECT_EQ(fresh->proj->weight.scalar_type(), wanted);
      EXPECT_TRUE(
          at::equal(fresh->proj->weight.to(at::kFloat), at::arange(6, at::kFloat).view({2, 3})));
    }
  }
}

TEST_F(LoadWeightsTest, FreezesTheParametersAndKeepsThemRegistered) {
  load_weights(*pair, weights(fitting()), "pair", {});
  for (const at::Tensor& parameter : pair->parameters()) EXPECT_FALSE(parameter.requires_grad());
  EXPECT_EQ(pair->named_parameters()["proj.weight"].data_ptr(), pair->proj->weight.data_ptr());
  EXPECT_EQ(count_parameters(*pair), 12);
}

TEST_F(LoadWeightsTest, ListsMissingUnexpectedAndMisshapedNamesTogether) {
  const Error error = refused({{"proj.weight", at::ones({2, 4})},
                               {"proj.bias", at::ones({2})},
                               {"norm.weight", at::ones({2})},
                               {"norm.gamma", at::ones({2})}});
  for (const char* part : {"1 missing: norm.bias", "1 unexpected: norm.gamma",
                           "1 of another shape: proj.weight is [2, 4], expected [2, 3]"}) {
    EXPECT_TRUE(says(error, part)) << error.what();
  }
}

TEST_F(LoadWeightsTest, NamesAHandfulOfManyAndCountsThemAll) {
  io::NamedTensors many = fitting();
  for (int i = 0; i < 500; ++i) many.emplace_back("extra." + std::to_string(i), at::ones({1}));
  const Error error = refused(many);
  EXPECT_TRUE(says(error, "500 unexpected: extra.0")) << error.what();
  EXPECT_LT(std::string(error.what()).size(), 500u);
}

TEST_F(LoadWeightsTest, RefusesTransposedScalarAndIntegerTensors) {
  for (const at::Tensor& wrong : {at::ones({3, 2}), at::ones({6}), at::tensor(1.0f),
                                  at::ones({2, 3}, at::kLong), at::ones({2, 3, 1})}) {
    io::NamedTensors tensors = fitting();
    tensors[0].second = wrong;
    EXPECT_TRUE(says(refused(tensors), "proj.weight is"));
  }
}

TEST_F(LoadWeightsTest, LeavesTheModuleAloneOnAnError) {
  load_weights(*pair, weights(fitting()), "pair", {});
  const void* before = pair->proj->weight.data_ptr();
  io::NamedTensors tensors = fitting();
  tensors.pop_back();
  const io::Weights file = weights(tensors);
  error_of([&] { load_weights(*pair, file, "pair", {}); });
  EXPECT_EQ(pair->proj->weight.data_ptr(), before);
}

TEST_F(LoadWeightsTest, IgnoresBuffersThatFollowFromTheConfig) {
  io::NamedTensors tensors = fitting();
  tensors.emplace_back("embeddings.position_ids", at::arange(77).view({1, 77}));
  tensors.emplace_back("layers.0.rotary_emb.inv_freq", at::ones({4}));
  EXPECT_NO_THROW(load_weights(*pair, weights(tensors), "pair", {}));
}

}  // namespace
}  // namespace omr::nn
