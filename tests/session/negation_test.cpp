#include "omr/session/negation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace omr::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void expect_negation(const std::string& text, const std::string& left,
                     const std::vector<std::string>& unwanted) {
  const Negation negation = extract_negations(text);
  EXPECT_EQ(negation.text, left) << text;
  EXPECT_EQ(negation.unwanted, unwanted) << text;
}

TEST(NegationTest, TakesNoAndWithoutOutOfThePrompt) {
  expect_negation("a red star, no circle", "a red star", {"circle"});
  expect_negation("a house without windows on a navy background", "a house on a navy background",
                  {"windows"});
  expect_negation("a star without a border at the top left", "a star at the top left", {"border"});
  expect_negation("a street with no people", "a street", {"people"});
  expect_negation("a beach and no clouds, at dawn", "a beach, at dawn", {"clouds"});
  expect_negation("no text, a castle", "a castle", {"text"});
  expect_negation("a quiet street. There are no cars.", "a quiet street.", {"cars"});
}

TEST(NegationTest, ListsGiveOneTermEach) {
  expect_negation("a cat without a hat or a red scarf", "a cat", {"hat", "red scarf"});
  expect_negation("a sky, no birds or clouds, no moon", "a sky", {"birds", "clouds", "moon"});
}

TEST(NegationTest, ReadsFeedback) {
  expect_negation("no heart please and i want a moon instead of the tree",
                  "i want a moon instead of the tree", {"heart"});
  expect_negation("I don't want a border", "", {"border"});
  expect_negation("i do not want any text at all", "", {"text"});
  expect_negation("No windows on the house, make it bigger", "make it bigger",
                  {"windows on the house"});
  expect_negation("no more circles", "", {"circles"});
}

TEST(NegationTest, LeavesWhatIsNoNegation) {
  for (const char* text : {"no, make it bigger",
                           "no make it bigger",
                           "no more than three stars",
                           "no larger than the moon",
                           "nothing else",
                           "no",
                           "no!",
                           "no thanks",
                           "no problem",
                           "no the star should be red",
                           "a knot",
                           "no star should be red",
                           "make it bigger without changing the background",
                           "without it",
                           "don't want it to be red",
                           "i don't want the star to be red",
                           "Nobody likes it",
                           "no bigger please",
                           "without",
                           "a house without",
                           "no one is there"}) {
    expect_negation(text, text, {});
  }
}

TEST(NegationTest, NounsInIngAreThings) {
  expect_negation("a sign without lettering", "a sign", {"lettering"});
}

TEST(NegationTest, TermsAreMergedOnce) {
  EXPECT_THAT(merge_terms({"blurry", "a red circle"}, {"Red Circle", "text", "BLURRY"}),
              ElementsAre("blurry", "a red circle", "text"));
  EXPECT_THAT(split_terms(" blurry , , (low quality, jpeg:1.2),text "),
              ElementsAre("blurry", "(low quality, jpeg:1.2)", "text"));
  EXPECT_THAT(split_terms(" "), IsEmpty());
  EXPECT_EQ(join_terms({"a", "b"}), "a, b");
}

TEST(NegationTest, APhraseIsAboutATermWithItsHead) {
  EXPECT_TRUE(is_about("a large red heart at the bottom", "heart"));
  EXPECT_TRUE(is_about("two Hearts", "a heart"));
  EXPECT_TRUE(is_about("on a navy background", "background"));
  EXPECT_FALSE(is_about("a red star", "red"));
  EXPECT_FALSE(is_about("a blue circle", "red circle"));
  EXPECT_FALSE(is_about("a star", ""));
}

}  // namespace
}  // namespace omr::session
