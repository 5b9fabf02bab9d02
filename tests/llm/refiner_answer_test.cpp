#include "omr/llm/refiner_answer.h"

#include <string>

#include <gtest/gtest.h>

namespace omr::llm {
namespace {

constexpr const char* kTemplate = "Prompt: {prompt}\nFeedback: {feedback}\nRefined:";

RefinerAnswer check(const std::string& answer, const std::string& prompt = "a blue star",
                    const std::string& feedback = "make it red") {
  return check_answer(answer, prompt, feedback, kTemplate);
}

TEST(RefinerAnswerTest, OneLineIsThePrompt) {
  const RefinerAnswer answer = check("  a red star \n");
  EXPECT_EQ(answer.failure, "");
  EXPECT_EQ(answer.prompt, "a red star");
  EXPECT_FALSE(answer.negative.has_value());
}

TEST(RefinerAnswerTest, SecondLineMayNameWhatToAvoid) {
  const RefinerAnswer answer = check("a red star\nnegative: blue, dots\n");
  EXPECT_EQ(answer.prompt, "a red star");
  EXPECT_EQ(answer.negative, "blue, dots");
}

TEST(RefinerAnswerTest, OtherLinesAreRefused) {
  for (const char* text :
       {"a red star\nHope you like it", "a red star\nNegative: x\nmore", "a red star\nNegative:"}) {
    EXPECT_NE(check(text).failure, "") << text;
    EXPECT_EQ(check(text).prompt, "") << text;
  }
}

TEST(RefinerAnswerTest, EmptyOrWordlessAnswersAreRefused) {
  for (const char* text : {"", "   \n ", "...", "\"\"", "!? -"})
    EXPECT_NE(check(text).failure, "") << text;
}

TEST(RefinerAnswerTest, UnprintableAnswersAreRefused) {
  for (const char* text : {"a \x1b[31mred star", "a\x01 star", "red \xef\xbf\xbd star", "red \xff",
                           "a\tstar", "a \xc2\x85 star"}) {
    EXPECT_NE(check(text).failure.find("printed"), std::string::npos) << text;
  }
  EXPECT_EQ(check("un café 日本 🌟").failure, "");
}

TEST(RefinerAnswerTest, LongAnswersAreRefused) {
  EXPECT_EQ(check(std::string(kMaxAnswerBytes, 'a')).failure, "");
  EXPECT_NE(check(std::string(kMaxAnswerBytes + 1, 'a')).failure, "");
}

TEST(RefinerAnswerTest, AnEchoOfTheFeedbackIsRefused) {
  EXPECT_NE(check("Make it red!").failure.find("feedback"), std::string::npos);
  EXPECT_EQ(check("a star", "a star", "a star").failure, "");
}

TEST(RefinerAnswerTest, AnEchoOfTheTemplateIsRefused) {
  for (const char* text : {"Prompt: a red star", "a red star Feedback: more", "a star [/INST]",
                           "<|user|> a star", "a star </s>"}) {
    EXPECT_NE(check(text).failure.find("template"), std::string::npos) << text;
  }
  EXPECT_EQ(
      check("a poster that says Prompt: go", "a sign that says Prompt: go", "make it a poster")
          .failure,
      "");
}

TEST(RefinerAnswerTest, TheUnchangedPromptIsAnAnswer) {
  EXPECT_EQ(check("a blue star", "a blue star", "perfect").prompt, "a blue star");
}

TEST(RefinerAnswerTest, QuotationMarksAroundTheWholeAreDropped) {
  EXPECT_EQ(check("\"a red star\"").prompt, "a red star");
  EXPECT_EQ(check("\"a\" and \"b\"").prompt, "\"a\" and \"b\"");
}

TEST(AnswerBehindTest, WithoutALabelAllOfItIsTheAnswer) {
  EXPECT_EQ(answer_behind("a red star", ""), "a red star");
}

TEST(AnswerBehindTest, WhatStandsBeforeTheLabelWasThinking) {
  EXPECT_EQ(answer_behind(" blue to red\nRefined: a red star", "Refined:"), " a red star");
  EXPECT_EQ(answer_behind("Refined: a\nno:\nRefined: a red star", "Refined:"), " a red star");
}

TEST(AnswerBehindTest, TheLabelBeginsALine) {
  EXPECT_EQ(answer_behind("\nRefined: say Refined: twice", "Refined:"), " say Refined: twice");
  EXPECT_EQ(answer_behind("not yet Refined: a star", "Refined:"), std::nullopt);
  EXPECT_EQ(answer_behind("blue to red", "Refined:"), std::nullopt);
}

}  // namespace
}  // namespace omr::llm
