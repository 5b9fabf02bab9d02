#include "omr/text/prompt_weights.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace omr::text {
namespace {

using Parts = std::vector<std::pair<std::string, double>>;

// Expects these texts and weights; spans must tile the plain text.
void expect_parts(const std::string& prompt, const Parts& expected) {
  SCOPED_TRACE(prompt);
  const WeightedPrompt parsed = parse_prompt_weights(prompt);
  std::string text;
  ASSERT_EQ(parsed.spans.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const WeightedSpan& span = parsed.spans[i];
    EXPECT_EQ(span.begin, text.size());
    EXPECT_EQ(parsed.text.substr(span.begin, span.end - span.begin), expected[i].first);
    EXPECT_NEAR(span.weight, expected[i].second, 1e-12);
    text += expected[i].first;
  }
  EXPECT_EQ(parsed.text, text);
}

// The examples in the doc string of AUTOMATIC1111's parse_prompt_attention.
TEST(PromptWeightsTest, AgreesWithTheExamplesOfAutomatic1111) {
  expect_parts("normal text", {{"normal text", 1.0}});
  expect_parts("an (important) word", {{"an ", 1.0}, {"important", 1.1}, {" word", 1.0}});
  expect_parts("(unbalanced", {{"unbalanced", 1.1}});
  expect_parts("\\(literal\\]", {{"(literal]", 1.0}});
  expect_parts("(unnecessary)(parens)", {{"unnecessaryparens", 1.1}});
  expect_parts("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
               {{"a ", 1.0},
                {"house", 1.5730000000000004},
                {" ", 1.1},
                {"on", 1.0},
                {" a ", 1.1},
                {"hill", 0.55},
                {", sun, ", 1.1},
                {"sky", 1.4641000000000006},
                {".", 1.1}});
}

TEST(PromptWeightsTest, ReadsWeightsWithSignsAndBlanks) {
  expect_parts("(a: 1.5 )", {{"a", 1.5}});
  expect_parts("(a:+2)", {{"a", 2.0}});
  expect_parts("(a:-0.5)", {{"a", -0.5}});
  expect_parts("(a:.25)b", {{"a", 0.25}, {"b", 1.0}});
}

TEST(PromptWeightsTest, SquareBracketsLessen) {
  expect_parts("[a]", {{"a", 1 / 1.1}});
  expect_parts("[[a", {{"a", 1 / 1.1 / 1.1}});
  expect_parts("[a:0.5]", {{"a:0.5", 1 / 1.1}});
}

TEST(PromptWeightsTest, StrayPartsAreText) {
  expect_parts("a) b] c", {{"a) b] c", 1.0}});
  expect_parts("time 10:30 (a: b)", {{"time 10:30 ", 1.0}, {"a: b", 1.1}});
  expect_parts("x :1.3) y", {{"x :1.3) y", 1.0}});
  expect_parts("(a:1.2.3)", {{"a:1.2.3", 1.1}});
  expect_parts("(a:" + std::string(400, '9') + ")", {{"a:" + std::string(400, '9'), 1.1}});
  expect_parts("a BREAKING b", {{"a BREAKING b", 1.0}});
  expect_parts("(a:", {{"a:", 1.1}});
  expect_parts(":", {{":", 1.0}});
}

TEST(PromptWeightsTest, BackslashTakesTheNextBracketLiterally) {
  expect_parts("\\[a\\] \\\\", {{"[a] \\", 1.0}});
  expect_parts("(\\(a\\))", {{"(a)", 1.1}});
  expect_parts("a\\b", {{"ab", 1.0}});
  expect_parts("a\\", {{"a", 1.0}});
}

TEST(PromptWeightsTest, EmptyPromptHasNoSpans) {
  expect_parts("", {});
  expect_parts("()", {});
  expect_parts("((:1.3))", {});
}

TEST(PromptWeightsTest, LongInputIsRead) {
  std::string open(100'000, '(');
  expect_parts(open, {});
  const WeightedPrompt parsed = parse_prompt_weights(std::string(50'000, ':') + "(a)");
  EXPECT_EQ(parsed.text.size(), 50'001u);
}

}  // namespace
}  // namespace omr::text
