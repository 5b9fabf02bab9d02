#include "omr/scenes/feedback.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

using ::testing::HasSubstr;

std::set<std::string> all_feedback(std::string_view before, const std::vector<Edit>& edits) {
  std::set<std::string> texts;
  for (std::uint64_t index = 0; index < 600; ++index) {
    Random random(6, index);
    texts.insert(feedback(read_caption(before), edits, random));
  }
  return texts;
}

TEST(FeedbackTest, IsWordedInManyWays) {
  const Edit bigger{EditKind::bigger, 0, {}, {}};
  const auto texts = all_feedback("a red star and a blue house", {bigger});
  EXPECT_GT(texts.size(), 150u);
  EXPECT_EQ(texts.count("make the star bigger"), 1u);
  EXPECT_EQ(texts.count("the star is too small"), 1u);
}

TEST(FeedbackTest, LeavesNoGapOpen) {
  for (std::uint64_t index = 0; index < 3000; ++index) {
    Random random(9, index);
    const Description before = describe(sample_scene(random), {0.4, 0.3, 0.0, 0.4}, random);
    const std::string text = feedback(before, sample_edits(before, random), random);
    EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
    EXPECT_EQ(text.find("  "), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_LT(text.size(), 200u) << text;
  }
}

TEST(FeedbackTest, CallsAnObjectByWhatNoOtherIs) {
  const Edit bigger{EditKind::bigger, 0, {}, {}};
  for (const std::string& text : all_feedback("a red star and a blue star", {bigger})) {
    EXPECT_THAT(text, testing::AnyOf(HasSubstr("red star"), HasSubstr("red one"))) << text;
  }
  for (const std::string& text : all_feedback("a red star", {bigger})) {
    EXPECT_THAT(text, testing::AnyOf(HasSubstr("it"), HasSubstr("It"), HasSubstr("star"),
                                     HasSubstr("red one")));
  }
  // The second edit of a sentence finds what the first one made.
  const Edit blue{EditKind::colour, 0, {Shape::star, Colour::blue}, {}};
  const Edit remove{EditKind::remove, 1, {}, {}};
  for (const std::string& text : all_feedback("a red star and a blue heart", {blue, remove})) {
    EXPECT_THAT(text, HasSubstr("heart")) << text;
  }
}

TEST(FeedbackTest, DoesNotNameAnObjectByWhatItShouldBe) {
  const Edit restated{EditKind::shape, 0, {Shape::star, Colour::red}, {}};
  const std::string_view before = "a red star and a blue house";
  EXPECT_TRUE(can_be_told(read_caption(before), restated));
  for (const std::string& text : all_feedback(before, {restated})) {
    EXPECT_THAT(text, HasSubstr("red one")) << text;
  }
  EXPECT_FALSE(can_be_told(read_caption("a red star and a red house"), restated));
}

TEST(FeedbackTest, TwoEditsOfOneObjectSpeakOfIt) {
  const Edit bigger{EditKind::bigger, 0, {}, {}};
  const Edit left{EditKind::place, 0, {{}, {}, {}, Place::left}, {}};
  const auto texts = all_feedback("a red star and a blue house", {bigger, left});
  EXPECT_EQ(texts.count("make the star bigger and move it to the left"), 1u);
}

TEST(FeedbackTest, LikesAndDislikes) {
  Random random(1);
  std::set<std::string> likes, dislikes;
  for (int i = 0; i < 200; ++i) {
    likes.insert(liking(random));
    dislikes.insert(disliking(random));
  }
  EXPECT_GT(likes.size(), 10u);
  EXPECT_GT(dislikes.size(), 8u);
  EXPECT_EQ(likes.count("i like it"), 1u);
  EXPECT_EQ(dislikes.count("i do not like it"), 1u);
}

}  // namespace
}  // namespace omr::scenes
