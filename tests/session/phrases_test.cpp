#include "omr/session/phrases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace omr::session {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> texts(const std::string& prompt) {
  std::vector<std::string> out;
  for (const Phrase& phrase : cut_phrases(prompt)) {
    EXPECT_EQ(prompt.substr(phrase.begin, phrase.end - phrase.begin), phrase.text);
    out.push_back(phrase.text);
  }
  return out;
}

TEST(PhrasesTest, PlaceStaysWithItsNounAndBackgroundStandsAlone) {
  EXPECT_THAT(texts("a small red star at the top left on a navy background"),
              ElementsAre("a small red star at the top left", "on a navy background"));
}

TEST(PhrasesTest, ListsAreCutAtCommasAndAnd) {
  EXPECT_THAT(texts("a blue circle at the top, a small yellow square at the bottom left and a pink "
                    "heart on a white background"),
              ElementsAre("a blue circle at the top", "a small yellow square at the bottom left",
                          "a pink heart", "on a white background"));
  EXPECT_THAT(texts("stars and hearts; two old boats"),
              ElementsAre("stars", "hearts", "two old boats"));
}

TEST(PhrasesTest, AndBetweenAttributesCutsNothing) {
  EXPECT_THAT(texts("a black and white cat on the sofa"),
              ElementsAre("a black and white cat on the sofa"));
  EXPECT_THAT(texts("a cat and a dog"), ElementsAre("a cat", "a dog"));
  EXPECT_THAT(texts("a star and moon"), ElementsAre("a star", "moon"));
}

TEST(PhrasesTest, CompanionsBeginAPhrase) {
  EXPECT_THAT(texts("an old man with a long beard next to the river"),
              ElementsAre("an old man", "with a long beard", "next to the river"));
  EXPECT_THAT(texts("a house in front of a hill"), ElementsAre("a house", "in front of a hill"));
  EXPECT_THAT(texts("a portrait of a queen wearing pearls"),
              ElementsAre("a portrait of a queen", "wearing pearls"));
}

TEST(PhrasesTest, OtherLanguagesAndOddTextDoNotBreakIt) {
  EXPECT_THAT(texts("ein roter Stern、カフェ"), ElementsAre("ein roter Stern", "カフェ"));
  EXPECT_THAT(texts(""), ElementsAre());
  EXPECT_THAT(texts(" ,,; and "), ElementsAre());
  EXPECT_THAT(texts("with"), ElementsAre("with"));
  EXPECT_THAT(texts("version 1.5 of it"), ElementsAre("version 1.5 of it"));
}

TEST(PhrasesTest, TheLastPhraseOfVeryManyTakesTheRest) {
  std::string prompt;
  for (int i = 0; i < 500; ++i) prompt += "a star, ";
  EXPECT_EQ(cut_phrases(prompt).size(), kMaxPhrases);
}

TEST(PhrasesTest, HeadIsTheNounBeforeItsPlace) {
  EXPECT_EQ(head_word("a small red Star at the top left"), "star");
  EXPECT_EQ(head_word("on a navy background"), "background");
  EXPECT_EQ(head_word("with a long beard"), "beard");
  EXPECT_EQ(head_word("next to the old river"), "river");
  EXPECT_EQ(head_word(""), "");
}

TEST(PhrasesTest, ChangedAreThoseThatWereNotThereBefore) {
  const auto changed = [](const std::string& before, const std::string& after) {
    return changed_phrases(cut_phrases(before), cut_phrases(after));
  };
  EXPECT_THAT(changed("a small star and a blue house", "a blue house and a star"),
              ElementsAre(false, true));
  EXPECT_THAT(changed("A star", "a star, a star"), ElementsAre(false, true));
  EXPECT_THAT(changed("", "a star"), ElementsAre(true));
}

TEST(PhrasesTest, LeavingAPhraseOutMendsTheSentence) {
  const auto without = [](const std::string& prompt, std::size_t index) {
    return without_phrase(prompt, cut_phrases(prompt), index);
  };
  const std::string prompt = "a star, a heart and a moon on a navy background";
  EXPECT_EQ(without(prompt, 0), "a heart and a moon on a navy background");
  EXPECT_EQ(without(prompt, 1), "a star and a moon on a navy background");
  EXPECT_EQ(without(prompt, 2), "a star, a heart on a navy background");
  EXPECT_EQ(without(prompt, 3), "a star, a heart and a moon");
  EXPECT_EQ(without("a star", 0), "");
}

}  // namespace
}  // namespace omr::session
