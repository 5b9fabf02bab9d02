#include "omr/scenes/edits.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

std::string after(std::string_view before, std::vector<Edit> edits) {
  return caption(apply_edits(read_caption(before), edits));
}

Edit of_object(EditKind kind, std::size_t object, ObjectDescription value = {}) {
  return {kind, object, value, Background::white};
}

constexpr std::string_view kBefore = "a red star at the top and a large blue house";

TEST(EditsTest, ChangeOneThingAndLeaveTheRest) {
  EXPECT_EQ(after(kBefore, {of_object(EditKind::colour, 0, {Shape::tree, Colour::pink})}),
            "a pink star at the top and a large blue house");
  EXPECT_EQ(after(kBefore, {of_object(EditKind::shape, 1, {Shape::tree})}),
            "a red star at the top and a large blue tree");
  EXPECT_EQ(after(kBefore, {of_object(EditKind::size, 1, {})}),
            "a red star at the top and a blue house");
  EXPECT_EQ(after(kBefore, {of_object(EditKind::place, 1, {{}, {}, {}, Place::right})}),
            "a red star at the top and a large blue house on the right");
  EXPECT_EQ(after(kBefore, {{EditKind::background, kNoObject, {}, Background::navy}}),
            "a red star at the top and a large blue house on a navy background");
  EXPECT_EQ(after(kBefore, {of_object(EditKind::remove, 0)}), "a large blue house");
  EXPECT_EQ(after(kBefore, {Edit{}}), kBefore);
}

TEST(EditsTest, BiggerAndSmallerGoOneStepAndStopAtTheEnds) {
  EXPECT_EQ(after("a small red star", {of_object(EditKind::bigger, 0)}), "a red star");
  EXPECT_EQ(after("a red star", {of_object(EditKind::bigger, 0)}), "a large red star");
  EXPECT_EQ(after("a large red star", {of_object(EditKind::bigger, 0)}), "a large red star");
  EXPECT_EQ(after("a large red star", {of_object(EditKind::smaller, 0)}), "a red star");
  EXPECT_EQ(after("a small red star", {of_object(EditKind::smaller, 0)}), "a small red star");
}

TEST(EditsTest, SeveralCountObjectsAsTheyWere) {
  EXPECT_EQ(after(kBefore, {of_object(EditKind::remove, 0), of_object(EditKind::smaller, 1),
                            of_object(EditKind::add, kNoObject, {Shape::moon, Colour::pink})}),
            "a blue house and a pink moon");
}

TEST(EditsTest, AddingWhatIsThereChangesIt) {
  const ObjectDescription large{Shape::star, Colour::red, Size::large, Place::left};
  EXPECT_EQ(after(kBefore, {of_object(EditKind::add, kNoObject, large)}),
            "a large red star on the left and a large blue house");
  const ObjectDescription plain{Shape::house, Colour::blue, Size::medium, {}};
  EXPECT_EQ(after(kBefore, {of_object(EditKind::add, kNoObject, plain)}), kBefore);
}

TEST(EditsTest, SampledOnesLeadToWhatCanBeDrawnAndTold) {
  std::map<EditKind, int> kinds;
  int two = 0, unchanged = 0;
  constexpr int kEdits = 3000;
  for (std::uint64_t index = 0; index < kEdits; ++index) {
    Random random(2, index);
    const Description before = describe(sample_scene(random));
    const std::vector<Edit> edits = sample_edits(before, random);
    const Description result = apply_edits(before, edits);
    EXPECT_TRUE(fits(result)) << caption(result);
    EXPECT_FALSE(has_twins(result)) << caption(result);
    EXPECT_GE(result.objects.size(), 1u);
    EXPECT_LE(result.objects.size(), 3u);
    two += edits.size() == 2;
    const bool praise = edits[0].kind == EditKind::praise;
    unchanged += !praise && result == before;
    for (const Edit& edit : edits) ++kinds[edit.kind];
  }
  EXPECT_EQ(kinds.size(), 10u);
  for (const auto& [kind, count] : kinds) EXPECT_GT(count, kEdits / 60) << static_cast<int>(kind);
  EXPECT_NEAR(two / double(kEdits), EditOptions{}.two_at_once, 0.1);
  EXPECT_GT(unchanged, kEdits / 30);
  EXPECT_LT(unchanged, kEdits / 6);
}

TEST(EditsTest, NothingCannotBeEdited) {
  Random random(1);
  EXPECT_THROW(sample_edits({}, random), Error);
}

}  // namespace
}  // namespace omr::scenes
