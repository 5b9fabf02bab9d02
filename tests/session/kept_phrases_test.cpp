#include "omr/session/kept_phrases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace omr::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kScene = "a small red star at the top, a blue circle and a tree on a navy rug";

std::vector<bool> spoken_of(const std::string& prompt, const std::string& feedback) {
  return phrases_spoken_of(cut_phrases(prompt), feedback);
}

TEST(PhrasesSpokenOfTest, ANounNamesItsPhraseAndNoOther) {
  EXPECT_THAT(spoken_of(kScene, "make the star bigger"), ElementsAre(true, false, false, false));
  EXPECT_THAT(spoken_of(kScene, "move the circle to the top"),
              ElementsAre(false, true, false, false));
  EXPECT_THAT(spoken_of(kScene, "The rug should be white, and remove the tree"),
              ElementsAre(false, false, true, true));
}

TEST(PhrasesSpokenOfTest, AttributesTellTwoOfAKindApart) {
  const std::string two = "a red star and a blue star";
  EXPECT_THAT(spoken_of(two, "make the red star bigger"), ElementsAre(true, false));
  EXPECT_THAT(spoken_of(two, "make the star bigger"), ElementsAre(true, true));
  EXPECT_THAT(spoken_of(two, "add a green star"), ElementsAre(true, true));
  EXPECT_THAT(spoken_of(two, "the blue one is too big"), ElementsAre(false, true));
}

TEST(PhrasesSpokenOfTest, ThePlaceTellsTwoOfAKindApart) {
  const std::string two = "a star on the left and a star at the top";
  EXPECT_THAT(spoken_of(two, "make the star on the left red"), ElementsAre(true, false));
  EXPECT_THAT(spoken_of(two, "the star at the top is too small"), ElementsAre(false, true));
  EXPECT_THAT(spoken_of(two, "move the star at the top to the left"), ElementsAre(false, true));
  for (const char* wanted_place :
       {"put the star on the left", "move the star to the left", "a star on the left please"}) {
    EXPECT_THAT(spoken_of(two, wanted_place), ElementsAre(true, true)) << wanted_place;
  }
}

TEST(PhrasesSpokenOfTest, ItIsWhatWasNamedBefore) {
  EXPECT_THAT(spoken_of("a star and a moon", "make the star bigger and move it to the left"),
              ElementsAre(true, false));
  EXPECT_THAT(spoken_of("a star and a moon", "it should show a bigger star"),
              ElementsAre(true, true));
}

TEST(PhrasesSpokenOfTest, WordsThatMayMeanAnythingSpeakOfAll) {
  for (const char* feedback : {"make it bigger", "I like it", "turn everything blue", "at night",
                               "the whole picture is too dark"}) {
    EXPECT_THAT(spoken_of("a star and a moon", feedback), ElementsAre(true, true)) << feedback;
  }
}

TEST(PhrasesSpokenOfTest, AnAdditionSpeaksOfNothingThatIsThere) {
  for (const char* feedback :
       {"add a moon", "there should also be a big moon", "draw a moon too"}) {
    EXPECT_THAT(spoken_of("a star and a tree", feedback), ElementsAre(false, false)) << feedback;
  }
}

TEST(KeptPhrasesTest, AGoodAnswerStaysToTheByte) {
  for (const char* answer :
       {"a large red star at the top, a blue circle and a tree on a navy rug",
        "a tree, a blue circle and a small  red star at the bottom on a navy rug"}) {
    const KeptPrompt kept = keep_unspoken(kScene, "the star is wrong", answer);
    EXPECT_EQ(kept.text, answer);
    EXPECT_THAT(kept.restored, IsEmpty());
  }
}

TEST(KeptPhrasesTest, ALostPhraseComesBackBehindItsNeighbour) {
  EXPECT_EQ(keep_unspoken(kScene, "make the star large",
                          "a large red star at the top and a tree on a navy rug")
                .text,
            "a large red star at the top, a blue circle and a tree on a navy rug");
  EXPECT_EQ(
      keep_unspoken(kScene, "remove the circle", "a small red star at the top and a tree").text,
      "a small red star at the top and a tree on a navy rug");
  EXPECT_EQ(keep_unspoken("a star and a moon", "the moon should be red", "a red moon").text,
            "a star, a red moon");
  EXPECT_EQ(keep_unspoken("on a rug, a moon", "the moon should be red", "a red moon").text,
            "a red moon on a rug");
}

TEST(KeptPhrasesTest, AnAlteredPhraseIsPutBack) {
  const KeptPrompt kept =
      keep_unspoken(kScene, "the circle should be green",
                    "a large red star at the top, a green circle and a house on a navy rug");
  EXPECT_EQ(kept.text,
            "a small red star at the top, a green circle, a tree and a house on a navy rug")
      << "a house has no word of the tree's: it is not taken for it";
  EXPECT_THAT(kept.restored, ElementsAre("a small red star at the top", "a tree"));
}

TEST(KeptPhrasesTest, WhatTheFeedbackAsksForIsNotTakenForALostPhrase) {
  EXPECT_EQ(
      keep_unspoken("a red star and a moon", "add a red circle", "a moon and a red circle").text,
      "a red star, a moon and a red circle");
}

}  // namespace
}  // namespace omr::session
