#include "omr/text/clip_text_model.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/safetensors.h"

namespace omr::text {
namespace {

namespace fs = std::filesystem;

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e9;
  return (a - b).abs().max().item<double>();
}

class PeersCLIPTextModelTest : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const { return fs::path(OMR_PEERS) / "text" / GetParam(); }
};

TEST_P(PeersCLIPTextModelTest, GivesTheStatesOfTransformers) {
  const at::NoGradGuard no_grad;
  CLIPTextModel model = load_clip_text_model(folder(), {});
  const auto expected = io::SafetensorsFile::open(folder() / "expected.safetensors");
  const CLIPTextOutput output = model(expected->tensor("ids"));
  EXPECT_LT(largest_difference(output.last_hidden_state, expected->tensor("last_hidden_state")),
            1e-4);
  EXPECT_LT(largest_difference(output.pooler_output, expected->tensor("pooler_output")), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Folders, PeersCLIPTextModelTest,
                         testing::Values("model-wide", "model-deep", "model-single-head",
                                         "model-wide-old", "model-deep-old",
                                         "model-single-head-old", "model-tower"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PeersCLIPTextModelShortTest, ShorterSequencesWorkToo) {
  const at::NoGradGuard no_grad;
  for (const char* name : {"model-wide", "model-deep", "model-single-head"}) {
    const fs::path folder = fs::path(OMR_PEERS) / "text" / name;
    const auto expected = io::SafetensorsFile::open(folder / "expected.safetensors");
    const at::Tensor states = expected->tensor("short_hidden_state");
    const CLIPTextOutput output =
        load_clip_text_model(folder, {})(expected->tensor("ids").narrow(1, 0, states.size(1)));
    EXPECT_LT(largest_difference(output.last_hidden_state, states), 1e-4) << name;
    EXPECT_LT(largest_difference(output.pooler_output, expected->tensor("short_pooler_output")),
              1e-4)
        << name;
  }
}

TEST(CLIPTextModelTest, FutureTokensChangeNothing) {
  const at::NoGradGuard no_grad;
  CLIPTextModel model = load_clip_text_model(fs::path(OMR_MODELS) / "scenes" / "text_encoder", {});
  at::Tensor ids = at::full({1, 48}, 5, at::kLong);
  const at::Tensor before = model(ids).last_hidden_state.narrow(1, 0, 20).clone();
  ids[0][20] = 300;
  const at::Tensor after = model(ids).last_hidden_state;
  EXPECT_LT(largest_difference(before, after.narrow(1, 0, 20)), 1e-6);
  EXPECT_GT(largest_difference(model(at::full({1, 48}, 5, at::kLong)).last_hidden_state, after),
            1e-3);
}

TEST(CLIPTextModelTest, TokensThatItDoesNotHaveAreAMismatch) {
  CLIPTextModel model = load_clip_text_model(fs::path(OMR_MODELS) / "scenes" / "text_encoder", {});
  EXPECT_THROW(model(at::full({1, 48}, 712, at::kLong)), Error);
  EXPECT_THROW(model(at::zeros({1, 49}, at::kLong)), Error);
}

TEST(CLIPTextConfigTest, ChecksSizesAndArchitecture) {
  const auto kind_of = [](const char* text) {
    try {
      CLIPTextConfig::from(io::Config(io::parse_json(text, "config"), "config"));
    } catch (const Error& error) {
      return static_cast<int>(error.kind());
    }
    return -1;
  };
  EXPECT_EQ(kind_of("{}"), -1);
  EXPECT_EQ(kind_of(R"({"model_type": "bert"})"), static_cast<int>(ErrorKind::mismatch));
  EXPECT_EQ(kind_of(R"({"hidden_size": 10, "num_attention_heads": 3})"),
            static_cast<int>(ErrorKind::mismatch));
  EXPECT_EQ(kind_of(R"({"hidden_size": 0})"), static_cast<int>(ErrorKind::format));
  EXPECT_EQ(kind_of(R"({"hidden_size": 1e30})"), static_cast<int>(ErrorKind::format));
  EXPECT_EQ(kind_of(R"({"vocab_size": -4})"), static_cast<int>(ErrorKind::format));
  EXPECT_EQ(kind_of(R"({"hidden_act": "xyz"})"), static_cast<int>(ErrorKind::mismatch));
}

}  // namespace
}  // namespace omr::text
