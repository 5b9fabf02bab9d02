#include "omr/session/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "omr/session/settings.h"
#include "omr/session/wishes.h"

#include "support/fake_parts.h"

namespace omr::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReadingTest : public ::testing::Test {
 protected:
  Reading read(const std::string& prompt, const std::string& feedback, const std::string& greedy,
               std::vector<std::string> others) {
    model_.answer = [=](const std::string&, const std::string&) {
      Refinement refinement;
      refinement.prompt = greedy;
      return refinement;
    };
    model_.others = std::move(others);
    return read_feedback(prompt, feedback, model_, readings_, cancellation_);
  }
  fakes::FakeLanguageModel model_;
  int readings_ = Settings().readings;
  Cancellation cancellation_;
};

TEST_F(ReadingTest, AnAnswerThatLeavesAloneWhatWasNotSpokenOfIsTaken) {
  const Reading reading = read("a star and a moon", "make the star bigger",
                               "a large star and a moon", {"a tiny star and a moon"});
  EXPECT_EQ(reading.answer.prompt, "a large star and a moon");
  EXPECT_EQ(reading.faults, 0);
}

TEST_F(ReadingTest, AnAnswerThatAltersTheWrongThingGivesWayToTheFirstThatDoesNot) {
  const Reading reading =
      read("a star and a moon", "make the star bigger", "a star and a large moon",
           {"a moon", "a large star and a moon", "a huge star and a moon"});
  EXPECT_EQ(reading.answer.prompt, "a large star and a moon");
  EXPECT_THAT(reading.restored, IsEmpty());
}

TEST_F(ReadingTest, NoMoreAnswersAreDrawnThanAllowed) {
  readings_ = 1;
  EXPECT_EQ(read("a star and a moon", "make the star bigger", "a star and a large moon",
                 {"a star and a tiny moon", "a large star and a moon"})
                .faults,
            2);
  readings_ = 0;
  EXPECT_EQ(read("a star and a moon", "make the star bigger", "a star and a moon",
                 {"a large star and a moon"})
                .answer.prompt,
            "a star and a moon");
}

TEST_F(ReadingTest, AnAnswerThatChangesNothingGivesWayWhereSomethingWasAskedFor) {
  EXPECT_EQ(read("a star and a moon", "make the star bigger", "a star and a moon",
                 {"a large star and a moon"})
                .answer.prompt,
            "a large star and a moon");
  for (const char* praise : {"I like the star", "good, more like this"}) {
    EXPECT_EQ(read("a star and a moon", praise, "a star and a moon", {"a large star and a moon"})
                  .answer.prompt,
              "a star and a moon")
        << praise;
  }
}

TEST_F(ReadingTest, NothingGoesThatTheFeedbackDidNotMean) {
  for (const char* feedback : {"I don't like this one", "I do not like it", "not good",
                               "remove the crowd", "please leave the green circle out"}) {
    EXPECT_EQ(read("a star and a moon", feedback, "a moon", {"a star", "a star and a moon"})
                  .answer.prompt,
              "a star and a moon")
        << feedback;
  }
  for (const char* feedback :
       {"remove the star", "take the star out", "drop stars", "get rid of it"}) {
    EXPECT_EQ(read("a star and a moon", feedback, "a moon", {"a star and a moon"}).answer.prompt,
              "a moon")
        << feedback;
  }
}

TEST_F(ReadingTest, AThingOfAnotherColourOrNameIsNotMeant) {
  const std::string prompt = "a purple tree at the top left and a small blue moon";
  for (const char* feedback : {"I do not want the blue tree", "the green tree should go away",
                               "please no blue heart", "drop the purple house, thanks"}) {
    EXPECT_EQ(read(prompt, feedback, "a small blue moon", {"a purple tree at the top left", prompt})
                  .answer.prompt,
              prompt)
        << feedback;
    EXPECT_EQ(read(prompt, feedback, prompt, {"a small blue moon"}).answer.prompt, prompt)
        << feedback << ": nothing to do is no fault";
    EXPECT_EQ(read(prompt, feedback, "a small blue moon", {}).answer.prompt, prompt)
        << feedback << ": no other reading";
  }
  readings_ = 0;
  EXPECT_EQ(read(prompt, "drop the blue tree", "a small blue moon", {}).answer.prompt,
            "a small blue moon")
      << "the first answer is taken as it is";
  readings_ = Settings().readings;
  for (const char* feedback :
       {"I do not want the purple tree", "the purple one should go away", "no tree please",
        "drop the ugly tree", "remove the one at the top left"}) {
    EXPECT_EQ(read(prompt, feedback, "a small blue moon", {prompt}).answer.prompt,
              "a small blue moon")
        << feedback;
  }
}

TEST_F(ReadingTest, AnotherPlaceIsNotMetByOneThatHasItsWords) {
  const std::string prompt = "a pink moon at the top right and a blue star";
  const std::string moved = "a pink moon at the top and a blue star";
  for (const char* feedback :
       {"the pink moon should be at the top", "move the pink moon to the top"})
    EXPECT_EQ(read(prompt, feedback, moved, {prompt}).answer.prompt, moved) << feedback;
  EXPECT_EQ(read(prompt, "the moon should be at the top right", moved, {}).answer.prompt, prompt);
}

TEST_F(ReadingTest, AVerbOfChangeIsNotMetByTheWordsThatNameItsThing) {
  const std::string prompt = "a small brown heart and a tree at the left";
  const std::string enlarged = "a brown heart and a tree at the left";
  for (const char* feedback :
       {"enlarge the brown heart", "can you scale the small brown heart up?"})
    EXPECT_EQ(read(prompt, feedback, enlarged, {prompt}).answer.prompt, enlarged) << feedback;
}

TEST_F(ReadingTest, WhatMustGoMayGoUnlessItGoesSomewhere) {
  const std::string prompt = "a yellow moon and a blue star";
  for (const char* feedback :
       {"the yellow one must go", "the yellow moon should disappear, please"})
    EXPECT_EQ(read(prompt, feedback, "a blue star", {prompt}).answer.prompt, "a blue star")
        << feedback;
  const std::string moved = "a yellow moon on the left and a blue star";
  for (const char* feedback : {"the moon must go to the left", "the moon should go on the left"})
    EXPECT_EQ(read(prompt, feedback, "a blue star", {moved}).answer.prompt, moved) << feedback;
}

TEST_F(ReadingTest, WhereWordsAreAtTheirEndTheDrawingIsToChangeAndNotThePrompt) {
  const std::string prompt = "a large moon and a small star";
  EXPECT_EQ(
      read(prompt, "the moon should be bigger", prompt, {"a moon and a small star"}).answer.prompt,
      prompt);
  EXPECT_EQ(
      read(prompt, "the star should be tiny", prompt, {"a large moon and a star"}).answer.prompt,
      prompt);
  const std::string other = "a large moon and a star";
  for (const char* feedback : {"the star should be bigger", "the star is too small"})
    EXPECT_EQ(read(prompt, feedback, prompt, {other}).answer.prompt, other) << feedback;
}

TEST_F(ReadingTest, WhereThePromptSaysItAlreadyNothingElseIsAltered) {
  const std::string prompt = "a small red moon on the left and a small orange moon at the top";
  for (const char* feedback :
       {"can you give the moon on the left a red color?", "make the one on the left red",
        "the orange moon should go to the top", "I asked for a small red moon on the left"}) {
    EXPECT_EQ(read(prompt, feedback, "a small red moon on the left and a small red moon at the top",
                   {prompt})
                  .answer.prompt,
              prompt)
        << feedback;
    EXPECT_EQ(read(prompt, feedback, prompt, {"a small red moon and a red moon"}).answer.prompt,
              prompt)
        << feedback << ": to change nothing is no fault";
    EXPECT_EQ(read(prompt, feedback, "a small red moon and a red moon", {}).answer.prompt, prompt)
        << feedback << ": no other reading";
  }
  const std::string large = "a large red moon on the left and a small orange moon at the top";
  for (const char* feedback : {"the red moon on the left should be bigger",
                               "make the moon on the left large", "the red moon is too small"}) {
    EXPECT_EQ(read(prompt, feedback, prompt, {large}).answer.prompt, large) << feedback;
  }
}

TEST_F(ReadingTest, AThingTurnsIntoNothingThatTheFeedbackDoesNotName) {
  const std::string prompt = "a pink tree and a red heart";
  EXPECT_EQ(read(prompt, "the tree needs to be huge", "a large pink house and a red heart",
                 {"a large pink tree and a red heart"})
                .answer.prompt,
            "a large pink tree and a red heart");
  EXPECT_EQ(read(prompt, "turn the tree into a house", "a pink house and a red heart", {prompt})
                .answer.prompt,
            "a pink house and a red heart");
}

TEST_F(ReadingTest, WhereEveryAnswerHasAFaultTheLeastIsRepaired) {
  const Reading reading = read("a star, a moon and a tree", "make the star bigger", "a large star",
                               {"a large star, a red moon and a tree", "a star"});
  EXPECT_EQ(reading.answer.prompt, "a large star, a moon and a tree");
  EXPECT_THAT(reading.restored, ElementsAre("a moon"));
  EXPECT_EQ(reading.faults, 1);
}

TEST_F(ReadingTest, AnAnswerThatCannotBeAPromptLosesToEveryOther) {
  EXPECT_EQ(read("a star", "bigger", "", {"a large star"}).answer.prompt, "a large star");
  const Reading alone = read("a star", "bigger", "", {});
  EXPECT_TRUE(alone.answer.fallback);
  EXPECT_EQ(alone.answer.prompt, "a star, bigger");
}

TEST_F(ReadingTest, WishesAreReadInTurnWhereTheModelFollowsOneAtATime) {
  model_.in_turn = true;
  model_.answer = [](const std::string& prompt, const std::string& feedback) {
    Refinement refinement;
    refinement.prompt = feedback == "make the star bigger" ? "a large star and a moon"
                        : prompt == "a large star and a moon"
                            ? "a large star and a moon on the left"
                            : "?";
    return refinement;
  };
  EXPECT_EQ(read_feedback("a star and a moon", "make the star bigger and move the moon to the left",
                          model_, readings_, cancellation_)
                .answer.prompt,
            "a large star and a moon on the left");
  EXPECT_EQ(model_.calls, 2);
}

TEST(SplitWishesTest, WishesWithVerbsOfTheirOwnComeApart) {
  EXPECT_THAT(split_wishes("make the star bigger and move the moon to the left"),
              ElementsAre("make the star bigger", "move the moon to the left"));
  EXPECT_THAT(split_wishes("The house should be red; please add a tree, thanks"),
              ElementsAre("The house should be red", "please add a tree, thanks"));
  EXPECT_THAT(split_wishes("the heart must be blue, and also I want a navy background."),
              ElementsAre("the heart must be blue", "I want a navy background."));
  EXPECT_THAT(split_wishes("  shrink the tree, paint the moon red and the sky is too dark "),
              ElementsAre("shrink the tree", "paint the moon red", "the sky is too dark"));
  EXPECT_THAT(split_wishes("increase the size of the green one; the heart belongs at the top"),
              ElementsAre("increase the size of the green one", "the heart belongs at the top"));
  EXPECT_THAT(split_wishes("actually, put the pink one in the corner, move the moon up"),
              ElementsAre("actually, put the pink one in the corner", "move the moon up"));
}

TEST(SplitWishesTest, WhatBelongsTogetherStaysTogether) {
  for (const char* whole :
       {"make the star and the moon bigger", "make the star bigger and move it",
        "a red, round and shiny ball", "add a tree and a house", "bigger", "good, more like this",
        "the star should be red and large", "no, the star"}) {
    EXPECT_THAT(split_wishes(whole), ElementsAre(whole));
  }
  EXPECT_THAT(split_wishes(""), ElementsAre(""));
}

}  // namespace
}  // namespace omr::session
