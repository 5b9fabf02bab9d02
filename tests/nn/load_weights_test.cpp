#include "omr/nn/load_weights.h"

#include <algorithm>
#include <string>
#include <vector>

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

TEST_F(LoadWeightsTest, QuantisesTheLinearsThatItIsTold) {
  const at::Tensor dense = at::randn({2, 3});
  io::NamedTensors tensors = fitting(at::kHalf);
  tensors[0].second = dense.to(at::kHalf);
  std::vector<std::string> asked;
  load_weights(*pair, weights(tensors), "pair", {}, [&](const std::string& name) {
    asked.push_back(name);
    return true;
  });
  EXPECT_EQ(asked, std::vector<std::string>{"proj"});
  ASSERT_TRUE(pair->proj->quantized());
  const Nf4Weight expected = quantize_nf4(dense.to(at::kHalf).to(at::kFloat));
  EXPECT_TRUE(at::equal(pair->proj->base_weight(), dequantize_nf4(expected, at::kFloat)));
  EXPECT_EQ(pair->proj->bias.scalar_type(), at::kFloat);
}

// A linear as bitsandbytes saves it.
io::NamedTensors packed(const Nf4Weight& weight, const std::string& type, const std::string& more) {
  const std::string state = R"({"quant_type": ")" + type +
                            R"(", "blocksize": 64, "dtype": "float32", "shape": [2, 3])" + more +
                            "}";
  at::Tensor bytes = at::empty({static_cast<std::int64_t>(state.size())}, at::kByte);
  std::copy(state.begin(), state.end(), bytes.mutable_data_ptr<std::uint8_t>());
  io::NamedTensors out = {
      {"proj.weight", weight.packed},
      {"proj.weight.absmax", weight.absmax},
      {"proj.weight.quant_map", at::tensor(at::ArrayRef<float>(kNf4CodeBook.data(), 16))},
      {"proj.weight.quant_state.bitsandbytes__" + type, bytes},
      {"proj.bias", at::ones({2})},
      {"norm.weight", at::ones({2})},
      {"norm.bias", at::zeros({2})}};
  if (weight.nested()) {
    out.emplace_back("proj.weight.nested_absmax", weight.nested_absmax);
    out.emplace_back("proj.weight.nested_quant_map", weight.nested_code);
  }
  return out;
}

TEST_F(LoadWeightsTest, TakesBlocksThatBitsandbytesPackedAsTheyAre) {
  const Nf4Weight nested = quantize_nf4(at::randn({2, 3}));
  load_weights(*pair,
               weights(packed(nested, "nf4",
                              R"(, "nested_blocksize": 256, "nested_offset": )" +
                                  std::to_string(nested.nested_offset))),
               "pair", {});
  ASSERT_TRUE(pair->proj->quantized());
  EXPECT_TRUE(at::allclose(pair->proj->base_weight(), dequantize_nf4(nested, at::kFloat), 0, 1e-6));

  Nf4Weight plain = nested;
  plain.absmax = at::full({1}, 2.5);
  Pair other;
  load_weights(*other, weights(packed(plain, "nf4", "")), "pair", {});
  EXPECT_NEAR(other->proj->base_weight().abs().max().item<float>(), 2.5, 1e-6);
}

TEST_F(LoadWeightsTest, RefusesOtherPackedTypesAndDamagedParts) {
  const Nf4Weight weight = quantize_nf4(at::randn({2, 3}));
  const std::string nested = R"(, "nested_blocksize": 256, "nested_offset": 0.5)";
  const auto mismatch = [&](const io::NamedTensors& tensors) {
    const io::Weights file = weights(tensors);
    const Error error = error_of([&] { load_weights(*pair, file, "pair", {}); });
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    return error;
  };
  EXPECT_TRUE(says(mismatch(packed(weight, "fp4", nested)), "fp4"));
  EXPECT_TRUE(says(mismatch(packed(weight, "nf4", R"(, "nested_blocksize": 128)")), "256"));
  io::NamedTensors wrong_code = packed(weight, "nf4", nested);
  wrong_code[2].second = at::linspace(-1, 1, 16);
  EXPECT_TRUE(says(mismatch(wrong_code), "quant_map"));
  io::NamedTensors short_absmax = packed(weight, "nf4", nested);
  short_absmax[1].second = at::zeros({0}, at::kByte);
  const io::Weights file = weights(short_absmax);
  EXPECT_EQ(error_of([&] { load_weights(*pair, file, "pair", {}); }).kind(), ErrorKind::format);
}

}  // namespace
}  // namespace omr::nn
