#include "omr/text/prompt_embedding.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

namespace omr::text {
namespace {

namespace fs = std::filesystem;

struct Pack {
  CLIPTokenizer tokenizer =
      CLIPTokenizer::from_folder(fs::path(OMR_MODELS) / "scenes" / "tokenizer");
  CLIPTextModel model = load_clip_text_model(fs::path(OMR_MODELS) / "scenes" / "text_encoder", {});
};

TEST(PromptEmbeddingTest, EqualsTheReferenceOfTransformers) {
  Pack pack;
  const fs::path folder = fs::path(OMR_TEST_DATA) / "scenes-reference";
  const auto tensors = io::SafetensorsFile::open(folder / "tensors.safetensors");
  const io::Json prompts = io::read_json(folder / "reference.json")["prompts"];
  ASSERT_GE(prompts.size(), 4u);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::string name = "prompt" + std::to_string(i);
    const PromptEmbedding embedding =
        encode_prompt(pack.tokenizer, pack.model, prompts[i].get<std::string>());
    const at::Tensor ids = tensors->tensor(name + ".input_ids").flatten();
    EXPECT_TRUE(at::equal(at::tensor(embedding.chunks.at(0).ids), ids.to(at::kLong))) << name;
    const at::Tensor states = tensors->tensor(name + ".last_hidden_state");
    // transformers cuts a long prompt where omr begins a second chunk.
    const at::Tensor first = embedding.states.slice(1, 0, ids.numel());
    EXPECT_LT((first.flatten() - states.flatten()).abs().max().item<double>(), 1e-4) << name;
  }
}

TEST(PromptEmbeddingTest, WeightsFallOnTheTokensOfTheirSpan) {
  Pack pack;
  const WeightedPrompt prompt = parse_prompt_weights("a (red star:1.5) on [navy]");
  const Encoding encoding = pack.tokenizer.encode(prompt.text);
  const std::vector<double> weights = token_weights(encoding, prompt.spans);
  ASSERT_EQ(weights.size(), 48u);
  // bos a red star on navy eos
  ASSERT_EQ(encoding.tokens.size(), 7u);
  EXPECT_EQ(std::vector<double>(weights.begin(), weights.begin() + 7),
            (std::vector<double>{1, 1, 1.5, 1.5, 1, 1 / 1.1, 1}));
  EXPECT_EQ(weights.back(), 1.0);
}

TEST(PromptEmbeddingTest, OverlappingSpansMultiply) {
  Pack pack;
  const Encoding encoding = pack.tokenizer.encode("red star");
  const std::vector<double> weights = token_weights(encoding, {{0, 8, 2.0}, {4, 8, 0.25}});
  EXPECT_EQ(weights[1], 2.0);
  EXPECT_EQ(weights[2], 0.5);
}

TEST(PromptEmbeddingTest, WeightOneIsTheVeryTensor) {
  const at::Tensor states = at::randn({1, 9, 5});
  EXPECT_TRUE(apply_token_weights(states, std::vector<double>(9, 1.0)).is_same(states));
}

TEST(PromptEmbeddingTest, WeightingKeepsTheMean) {
  const at::Tensor states = at::randn({1, 9, 5}) + 0.3;
  std::vector<double> weights(9, 1.0);
  weights[3] = 1.4;
  weights[4] = 0.7;
  const at::Tensor weighted = apply_token_weights(states, weights);
  EXPECT_NEAR(weighted.mean().item<double>(), states.mean().item<double>(), 1e-6);
  // AUTOMATIC1111's rule: all tokens share one factor beside their own weight.
  const at::Tensor ratio = weighted / states;
  const double common = ratio[0][0][0].item<double>();
  EXPECT_NEAR(ratio[0][3].mean().item<double>(), 1.4 * common, 1e-5);
  EXPECT_NEAR(ratio[0][4].mean().item<double>(), 0.7 * common, 1e-5);
  EXPECT_NEAR(ratio[0][8].mean().item<double>(), common, 1e-5);
}

TEST(PromptEmbeddingTest, BadWeightsAreRefused) {
  const at::Tensor states = at::randn({1, 2, 3});
  EXPECT_THROW(apply_token_weights(states, {1.0}), Error);
  EXPECT_THROW(apply_token_weights(states, {1.0, std::nan("")}), Error);
  EXPECT_THROW(apply_token_weights(states, {1.0, std::numeric_limits<double>::infinity()}), Error);
  EXPECT_TRUE(apply_token_weights(states, {0.0, 0.0}).isfinite().all().item<bool>());
}

TEST(PromptEmbeddingTest, LongTextsAreChunksOneBehindTheOther) {
  Pack pack;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "red ";
  const PromptEmbedding whole = encode_prompt(pack.tokenizer, pack.model, text);
  EXPECT_EQ(whole.states.sizes(), (std::vector<std::int64_t>{1, 3 * 48, 128}));
  const PromptEmbedding first =
      encode_prompt(pack.tokenizer, pack.model, text.substr(0, 46 * 4 - 1));
  EXPECT_EQ(first.chunks.size(), 1u);
  EXPECT_TRUE(at::equal(whole.states.slice(1, 0, 48), first.states));
  EXPECT_FALSE(at::equal(whole.states.slice(1, 96), first.states));
}

TEST(PromptEmbeddingTest, EachChunkKeepsItsOwnMean) {
  Pack pack;
  std::string text = "blue";
  for (int i = 0; i < 60; ++i) text += " red";
  const PromptEmbedding plain = encode_prompt(pack.tokenizer, pack.model, text);
  const PromptEmbedding weighted =
      encode_weighted_prompt(pack.tokenizer, pack.model, text, {{0, 4, 1.8}});
  EXPECT_FALSE(at::equal(weighted.states.slice(1, 0, 48), plain.states.slice(1, 0, 48)));
  EXPECT_NEAR(weighted.states.slice(1, 0, 48).mean().item<double>(),
              plain.states.slice(1, 0, 48).mean().item<double>(), 1e-5);
  EXPECT_TRUE(at::equal(weighted.states.slice(1, 48), plain.states.slice(1, 48)));
}

}  // namespace
}  // namespace omr::text
