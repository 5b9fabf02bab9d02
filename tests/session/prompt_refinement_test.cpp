#include "omr/session/prompt_refinement.h"

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/session/settings.h"

#include "support/fake_parts.h"

namespace omr::session {
namespace {

class PromptRefinementTest : public ::testing::Test {
 protected:
  RefinedPrompt refine(const Prompt& before, const std::string& feedback, const std::string& answer,
                       std::optional<std::string> negative = {}) {
    model_.answer = [=](const std::string& prompt, const std::string&) {
      seen_ = prompt;
      Refinement refinement;
      refinement.prompt = answer;
      refinement.negative = negative;
      return refinement;
    };
    return refine_prompt(before, feedback, &model_, Settings().readings, cancellation_);
  }
  fakes::FakeLanguageModel model_;
  Cancellation cancellation_;
  static inline std::string seen_;
};

TEST_F(PromptRefinementTest, TheAnswerIsTheNextPrompt) {
  const RefinedPrompt refined = refine({"a star", "text"}, "bigger", "a large star");
  EXPECT_EQ(refined.prompt, (Prompt{"a large star", "text"}));
  EXPECT_FALSE(refined.fallback);
}

TEST_F(PromptRefinementTest, NegationsGoToTheNegativePromptAndLeaveThePrompt) {
  EXPECT_EQ(refine({"a star and a heart", ""}, "no heart", "a star").prompt,
            (Prompt{"a star", "heart"}));
  // A refiner that did not obey.
  EXPECT_EQ(refine({"a star and a red heart on a navy background", ""}, "no heart please",
                   "a star and a red heart on a navy background")
                .prompt,
            (Prompt{"a star on a navy background", "heart"}));
  EXPECT_EQ(refine({"a star", ""}, "bigger", "a large star without a border").prompt,
            (Prompt{"a large star", "border"}));
  EXPECT_EQ(refine({"a star", "blurry"}, "bigger", "a large star", "text, blurry").prompt,
            (Prompt{"a large star", "blurry, text"}));
}

TEST_F(PromptRefinementTest, WhatIsAskedForAgainLeavesTheNegativePrompt) {
  EXPECT_EQ(refine({"a star", "heart, blurry"}, "add a heart", "a star and a blue heart").prompt,
            (Prompt{"a star and a blue heart", "blurry"}));
  // Untouched phrases ask for nothing: this negative prompt was the user's own.
  EXPECT_EQ(refine({"a star", "star"}, "add a heart", "a star and a heart").prompt.negative,
            "star");
}

TEST_F(PromptRefinementTest, AThingThatIsMovedIsNotBanned) {
  const Prompt prompt = refine({"a star at the top", ""}, "no star at the top, move the star down",
                               "a star at the bottom")
                            .prompt;
  EXPECT_EQ(prompt, (Prompt{"a star at the bottom", ""}));
}

TEST_F(PromptRefinementTest, TheRefinerReadsPlainTextAndWeightsComeBack) {
  const Prompt prompt = refine({"a (red:1.3) star", ""}, "bigger", "a large red star").prompt;
  EXPECT_EQ(seen_, "a red star");
  EXPECT_EQ(prompt.text, "a large (red:1.3) star");
}

TEST_F(PromptRefinementTest, WhatTheRefinerForgetsComesBack) {
  const RefinedPrompt refined =
      refine({"a (red:1.2) star and a heart", ""}, "make the heart bigger", "a large heart");
  EXPECT_EQ(refined.prompt.text, "a (red:1.2) star, a large heart");
  EXPECT_EQ(refined.restored, std::vector<std::string>{"a red star"});
}

TEST_F(PromptRefinementTest, UnusableAnswersFallBackToJoining) {
  for (const std::string& answer : {std::string(), std::string(" \n"), std::string("a\x01"),
                                    std::string("\xC3"), std::string(5000, 'x')}) {
    const RefinedPrompt refined = refine({"a star", ""}, "make it bigger", answer);
    EXPECT_TRUE(refined.fallback);
    EXPECT_FALSE(refined.fallback_reason.empty());
    EXPECT_EQ(refined.prompt.text, "a star, make it bigger");
  }
}

TEST_F(PromptRefinementTest, WithoutARefinerBothTextsAreJoined) {
  const RefinedPrompt refined =
      refine_prompt({"a star and a moon", ""}, "no moon", nullptr, 0, cancellation_);
  EXPECT_TRUE(refined.fallback);
  EXPECT_EQ(refined.prompt, (Prompt{"a star", "moon"}));
}

TEST_F(PromptRefinementTest, ARecordedAnswerIsTakenAsItStands) {
  model_.answer = [](const std::string&, const std::string&) {
    Refinement refinement;
    refinement.prompt = "a (heart:1.2)";
    refinement.negative = "heart";
    refinement.settled = true;
    return refinement;
  };
  EXPECT_EQ(
      refine_prompt({"a star", ""}, "no star", &model_, Settings().readings, cancellation_).prompt,
      (Prompt{"a (heart:1.2)", "heart"}));
}

TEST(PromptByHandTest, KeepsTheTextAndCollectsNegations) {
  EXPECT_EQ(prompt_by_hand("  a (red:1.2)  star ", "blurry"),
            (Prompt{"a (red:1.2)  star", "blurry"}));
  EXPECT_EQ(prompt_by_hand("a (red:1.2) star, no circle", "blurry"),
            (Prompt{"a (red:1.2) star", "blurry, circle"}));
  EXPECT_THROW(prompt_by_hand("", ""), Error);
  EXPECT_THROW(prompt_by_hand("no circle", ""), Error);
  EXPECT_EQ(replace_prompt({"a star", "circle, text"}, "a blue circle, no star"),
            (Prompt{"a blue circle", "text, star"}));
}

TEST(JoinFeedbackTest, OverlongPromptsAreRefused) {
  Cancellation cancellation;
  EXPECT_THROW(
      refine_prompt({std::string(3000, 'a'), ""}, std::string(3000, 'b'), nullptr, 0, cancellation),
      Error);
}

}  // namespace
}  // namespace omr::session
