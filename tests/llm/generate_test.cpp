#include "omr/llm/generate.h"

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int64_t>;

class GenerateTest : public testing::Test {
 protected:
  fs::path folder = fs::path(OMR_MODELS) / "scenes" / "refiner";
  SentencePieceTokenizer tokenizer = SentencePieceTokenizer::open(folder / "tokenizer.model");
  LlamaForCausalLM model = load_llama(folder, {});
  Ids input = tokenizer.encode("Prompt: a brown star\nFeedback: make it orange\nRefined:", true);

  Generated run(const GenerateOptions& options) {
    KVCache cache(model->config());
    return generate(model, cache, tokenizer, input, options);
  }
};

TEST_F(GenerateTest, EndsWithEosAndLeavesItOutOfTheText) {
  const Generated whole = run({.eos_token_ids = {2}});
  EXPECT_EQ(whole.reason, FinishReason::eos);
  EXPECT_EQ(whole.tokens.back(), 2);
  EXPECT_EQ(whole.text, tokenizer.decode(whole.tokens));
}

TEST_F(GenerateTest, EndsWithTheTokenThatCompletesAStopString) {
  const Generated whole = run({.eos_token_ids = {2}});
  const std::size_t space = whole.text.find(' ');
  ASSERT_NE(space, std::string::npos);
  const Generated cut =
      run({.eos_token_ids = {2}, .stop = {"nowhere", whole.text.substr(space, 2)}});
  EXPECT_EQ(cut.reason, FinishReason::stop);
  EXPECT_EQ(cut.text, whole.text.substr(0, space));
  EXPECT_LT(cut.tokens.size(), whole.tokens.size());
  EXPECT_TRUE(std::equal(cut.tokens.begin(), cut.tokens.end(), whole.tokens.begin()));
}

TEST_F(GenerateTest, EndsAtTheLimit) {
  const Generated cut = run({.max_new_tokens = 2, .eos_token_ids = {2}});
  EXPECT_EQ(cut.reason, FinishReason::length);
  EXPECT_EQ(cut.tokens.size(), 2u);
}

TEST_F(GenerateTest, EndsWithTheContext) {
  input = Ids(250, 260);
  EXPECT_EQ(run({}).tokens.size(), 6u);
  input = Ids(256, 260);
  EXPECT_THROW(run({}), Error);
}

TEST_F(GenerateTest, DamagedWeightsEndItWithoutAToken) {
  const at::NoGradGuard no_grad;
  model->named_parameters()["model.norm.weight"].fill_(std::numeric_limits<float>::quiet_NaN());
  for (const double temperature : {0.0, 0.7}) {
    const Generated none = run({.sampling = {.temperature = temperature}});
    EXPECT_EQ(none.reason, FinishReason::not_a_number);
    EXPECT_TRUE(none.tokens.empty());
  }
}

TEST_F(GenerateTest, ContinuesFromACacheThatHoldsTheBeginning) {
  const Generated whole = run({.eos_token_ids = {2}});
  KVCache cache(model->config());
  {
    const at::NoGradGuard no_grad;
    const Ids begin(input.begin(), input.begin() + 7);
    model->next_logits(at::tensor(begin).unsqueeze(0), cache);
  }
  Ids seen;
  const Generated continued = generate(model, cache, tokenizer, input, {.eos_token_ids = {2}},
                                       nullptr, [&](std::int64_t token) { seen.push_back(token); });
  EXPECT_EQ(continued.tokens, whole.tokens);
  EXPECT_EQ(seen, whole.tokens);
  EXPECT_EQ(cache.length(), static_cast<std::int64_t>(input.size() + whole.tokens.size() - 1));
}

TEST_F(GenerateTest, StopsWhenCancelled) {
  KVCache cache(model->config());
  Cancellation cancellation;
  int tokens = 0;
  const auto cancel_at_second = [&](std::int64_t) {
    if (++tokens == 2) cancellation.request();
  };
  try {
    generate(model, cache, tokenizer, input, {}, &cancellation, cancel_at_second);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cancelled);
  }
  EXPECT_EQ(tokens, 2);
}

}  // namespace
}  // namespace omr::llm
