#include "omr/session/prompt_syntax.h"

#include <gtest/gtest.h>

namespace omr::session {
namespace {

TEST(PromptSyntaxTest, PlainTextIsUntouched) {
  const PlainPrompt plain = parse_weights("a red star: bright");
  EXPECT_EQ(plain.text, "a red star: bright");
  EXPECT_FALSE(plain.has_weights);
  EXPECT_EQ(plain.weights.size(), plain.text.size());
}

TEST(PromptSyntaxTest, WeightsLieOnTheirBytes) {
  const PlainPrompt plain = parse_weights("a (red:1.3) star");
  EXPECT_EQ(plain.text, "a red star");
  EXPECT_DOUBLE_EQ(plain.weights[1], 1.0);
  EXPECT_DOUBLE_EQ(plain.weights[2], 1.3);
  EXPECT_DOUBLE_EQ(plain.weights[4], 1.3);
  EXPECT_DOUBLE_EQ(plain.weights[5], 1.0);
}

TEST(PromptSyntaxTest, NestedBracketsMultiply) {
  EXPECT_DOUBLE_EQ(parse_weights("((x))").weights[0], 1.1 * 1.1);
  EXPECT_DOUBLE_EQ(parse_weights("([x])").weights[0], 1.1 / 1.1);
  EXPECT_DOUBLE_EQ(parse_weights("((x):2)").weights[0], 1.1 * 2);
}

TEST(PromptSyntaxTest, OddBracketsAreReadAsTheWebUiReadsThem) {
  EXPECT_EQ(parse_weights("a \\(b\\)").text, "a (b)");
  EXPECT_EQ(parse_weights("a) b]").text, "a) b]");
  EXPECT_DOUBLE_EQ(parse_weights("(open").weights[0], 1.1);
  EXPECT_EQ(parse_weights("(a:b)").text, "a:b");
  EXPECT_EQ(parse_weights("x:1.5)").text, "x:1.5)");
  EXPECT_EQ(parse_weights("(x:1.2.3)").text, "x:1.2.3");
}

TEST(PromptSyntaxTest, WeightsAreCarriedToTheSameWords) {
  const PlainPrompt before = parse_weights("a (small red:1.3) star on a [navy] background");
  EXPECT_EQ(carry_weights(before, "a small red star, larger, on a navy background"),
            "a (small red:1.3) star, larger, on a (navy:0.9091) background");
  EXPECT_EQ(carry_weights(before, "a blue star"), "a blue star");
  EXPECT_EQ(carry_weights(before, "a star (really)"), "a star \\(really\\)");
  EXPECT_EQ(parse_weights(carry_weights(before, "a star (really)")).text, "a star (really)");
}

}  // namespace
}  // namespace omr::session
