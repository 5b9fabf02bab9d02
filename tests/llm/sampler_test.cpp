#include "omr/llm/sampler.h"

#include <map>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::llm {
namespace {

const std::vector<float> kProbabilities = {0.05f, 0.4f, 0.15f, 0.3f, 0.1f};

at::Tensor logits() { return at::tensor(kProbabilities).log() + 3.0; }

void expect_probabilities(const SamplingOptions& options, const std::vector<double>& expected) {
  const at::Tensor probabilities = next_token_probabilities(logits(), options);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(probabilities[i].item<double>(), expected[i], 1e-5) << i;
  }
}

TEST(SamplerTest, ZeroTemperatureTakesTheLikeliest) {
  EXPECT_EQ(sample(logits(), {}), 1);
  expect_probabilities({}, {0, 1, 0, 0, 0});
}

TEST(SamplerTest, TemperatureOneLeavesTheProbabilities) {
  expect_probabilities({.temperature = 1}, {0.05, 0.4, 0.15, 0.3, 0.1});
}

TEST(SamplerTest, TemperatureDividesTheLogits) {
  const double sum = 0.0025 + 0.16 + 0.0225 + 0.09 + 0.01;
  expect_probabilities({.temperature = 0.5},
                       {0.0025 / sum, 0.16 / sum, 0.0225 / sum, 0.09 / sum, 0.01 / sum});
}

TEST(SamplerTest, TopKKeepsTheLikeliest) {
  expect_probabilities({.temperature = 1, .top_k = 2}, {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0});
  expect_probabilities({.temperature = 1, .top_k = 99}, {0.05, 0.4, 0.15, 0.3, 0.1});
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachIt) {
  expect_probabilities({.temperature = 1, .top_p = 0.6}, {0, 0.4 / 0.7, 0, 0.3 / 0.7, 0});
  expect_probabilities({.temperature = 1, .top_p = 0.8},
                       {0, 0.4 / 0.85, 0.15 / 0.85, 0.3 / 0.85, 0});
  expect_probabilities({.temperature = 1, .top_p = 1e-6}, {0, 1, 0, 0, 0});
}

TEST(SamplerTest, TopPIsTakenOfWhatTopKLeft) {
  // After top-k 2 the first has 0.571 of what is left, enough on its own.
  expect_probabilities({.temperature = 1, .top_k = 2, .top_p = 0.55}, {0, 1, 0, 0, 0});
}

TEST(SamplerTest, DrawsFollowTheProbabilitiesAndTheSeed) {
  const SamplingOptions options{.temperature = 1};
  const auto draw = [&](std::uint64_t seed) {
    const at::Generator generator = at::detail::createCPUGenerator(seed);
    std::vector<std::int64_t> tokens;
    for (int i = 0; i < 3000; ++i) tokens.push_back(sample(logits(), options, generator));
    return tokens;
  };
  const std::vector<std::int64_t> tokens = draw(7);
  EXPECT_EQ(tokens, draw(7));
  EXPECT_NE(tokens, draw(8));
  std::map<std::int64_t, double> share;
  for (std::int64_t token : tokens) share[token] += 1.0 / 3000;
  for (std::size_t i = 0; i < kProbabilities.size(); ++i)
    EXPECT_NEAR(share[i], kProbabilities[i], 0.035);
}

TEST(SamplerTest, BadOptionsAreRefused) {
  EXPECT_THROW(sample(logits(), {.temperature = -1}), Error);
  EXPECT_THROW(check_sampling_options({.temperature = 1, .top_k = -1}), Error);
  EXPECT_THROW(check_sampling_options({.temperature = 1, .top_p = 0}), Error);
  EXPECT_THROW(check_sampling_options({.temperature = 1, .top_p = 1.5}), Error);
}

}  // namespace
}  // namespace omr::llm
