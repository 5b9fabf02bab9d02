#include "omr/scenes/comparison.h"

#include <gtest/gtest.h>

namespace omr::scenes {
namespace {

Verdict seen(std::string_view text) {
  const Description said = read_caption(text);
  Verdict verdict;
  verdict.background = said.background.value();
  for (const ObjectDescription& each : said.objects) {
    const Place place = each.place.value();
    SeenObject object;
    object.object = {each.shape, each.colour.value(), each.size, place, position_of(place)};
    verdict.objects.push_back(object);
  }
  return verdict;
}

constexpr std::string_view kTarget =
    "a large red star at the top left and a small blue house on the right on a navy background";

TEST(ComparisonTest, FindsEverythingRightInAnyOrder) {
  const Comparison same = compare(read_caption(kTarget), seen(kTarget));
  EXPECT_TRUE(same.all_right());
  EXPECT_EQ(same.total(), 9);
  EXPECT_EQ(same.share_right(), 1.0);
  const Comparison turned =
      compare(read_caption(kTarget), seen("a small blue house on the right and a large red star at "
                                          "the top left on a navy background"));
  EXPECT_TRUE(turned.all_right());
  EXPECT_EQ(turned.objects[0].seen, 1u);
}

TEST(ComparisonTest, NamesEachWrongAttribute) {
  const Comparison result =
      compare(read_caption(kTarget), seen("a large red heart at the top left and a blue house in "
                                          "the center on a white background"));
  EXPECT_EQ(result.objects[0].shape, Match::wrong);
  EXPECT_EQ(result.objects[0].colour, Match::right);
  EXPECT_EQ(result.objects[1].size, Match::wrong);
  EXPECT_EQ(result.objects[1].place, Match::wrong);
  EXPECT_EQ(result.background, Match::wrong);
  EXPECT_EQ(result.right(), 5);
  EXPECT_EQ(result.total(), 9);
}

TEST(ComparisonTest, MissingObjectsAreWrongAndExtraOnesCount) {
  const Comparison missing =
      compare(read_caption(kTarget), seen("a large red star at the top left on a navy background"));
  EXPECT_FALSE(missing.objects[1].seen);
  EXPECT_EQ(missing.right(), 5);
  EXPECT_EQ(missing.total(), 9);
  const Comparison extra =
      compare(read_caption("a large red star at the top left on a navy background"), seen(kTarget));
  EXPECT_EQ(extra.extra, std::vector<std::size_t>{1});
  EXPECT_EQ(extra.right(), 5);
  EXPECT_EQ(extra.total(), 6);
  EXPECT_FALSE(extra.all_right());
}

TEST(ComparisonTest, AnObjectWithNothingRightIsStillAMatch) {
  const Comparison result = compare(read_caption("a red star at the top on a white background"),
                                    seen("a large blue house at the bottom on a white background"));
  EXPECT_TRUE(result.objects[0].seen);
  EXPECT_TRUE(result.extra.empty());
}

TEST(ComparisonTest, WhatIsUnsaidDoesNotCount) {
  const Comparison result =
      compare(read_caption("a star"), seen("a red star at the top on a white background"));
  EXPECT_TRUE(result.all_right());
  EXPECT_EQ(result.total(), 2);  // shape and size
  EXPECT_EQ(result.objects[0].colour, Match::unsaid);
  EXPECT_EQ(compare(Description{}, seen("a red star at the top on a white background")).total(), 1);
}

TEST(ComparisonTest, MatchesObjectsSoThatMostIsRight) {
  const Comparison result = compare(
      read_caption("a red star at the top and a red star at the bottom on a white background"),
      seen("a red star at the bottom on a white background"));
  EXPECT_EQ(result.right(), 5);
}

}  // namespace
}  // namespace omr::scenes
