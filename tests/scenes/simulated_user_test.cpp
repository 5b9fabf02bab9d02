#include "omr/scenes/simulated_user.h"

#include <set>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/scenes/drawing.h"

namespace omr::scenes {
namespace {

constexpr int kUsers = 200;

TEST(SimulatedUserTest, TheOpeningNamesEachObjectAndLeavesHalfOfTheRestOut) {
  int places = 0, objects = 0, backgrounds = 0;
  for (std::uint64_t index = 0; index < kUsers; ++index) {
    const SimulatedUser user(1, index);
    const Description said = read_caption(user.opening());
    ASSERT_EQ(said.objects.size(), user.target().objects.size()) << user.opening();
    EXPECT_GE(said.objects.size(), 2u);
    for (std::size_t i = 0; i < said.objects.size(); ++i) {
      EXPECT_EQ(said.objects[i].shape, user.target().objects[i].shape);
      EXPECT_EQ(said.objects[i].colour, user.target().objects[i].colour);
      ++objects;
      places += said.objects[i].place.has_value();
    }
    backgrounds += said.background.has_value();
  }
  EXPECT_NEAR(places, objects / 2, objects / 10);
  EXPECT_NEAR(backgrounds, kUsers / 2, kUsers / 6);
}

TEST(SimulatedUserTest, AcceptsTheTargetAtOnce) {
  for (std::uint64_t index = 0; index < 30; ++index) {
    SimulatedUser user(2, index);
    EXPECT_EQ(user.look_at(draw_scene(user.target(), 96)).kind, ReplyKind::accept);
    EXPECT_EQ(user.round(), 1);
  }
}

TEST(SimulatedUserTest, GivesUpAfterTheLastRound) {
  SimulatedUser user(3, 0);
  Scene empty;
  const Image image = draw_scene(empty, 64);
  for (int round = 1; round < 15; ++round) {
    const Reply reply = user.look_at(image);
    EXPECT_NE(reply.kind, ReplyKind::give_up);
    EXPECT_FALSE(reply.text.empty());
  }
  EXPECT_EQ(user.look_at(image).kind, ReplyKind::give_up);
}

TEST(SimulatedUserTest, TheSamePicturesGetTheSameAnswers) {
  SimulatedUser one(4, 7), other(4, 7), stranger(5, 7);
  const Image image = draw_scene(Scene{}, 64);
  std::set<std::string> texts;
  bool same = true;
  for (int round = 0; round < 5; ++round) {
    const std::string text = one.look_at(image).text;
    EXPECT_EQ(text, other.look_at(image).text);
    same = same && text == stranger.look_at(image).text;
    texts.insert(text);
  }
  EXPECT_FALSE(same);
  EXPECT_GT(texts.size(), 2u);
}

TEST(SimulatedUserTest, SaysWhatIsMissingAndWhatIsTooMuch) {
  SimulatedUserOptions options;
  options.reaction = 0;
  options.two_at_once = 0;
  for (std::uint64_t index = 0; index < 60; ++index) {
    SimulatedUser user(6, index, options);
    Scene scene = user.target();
    const Object gone = scene.objects.back();
    scene.objects.pop_back();
    const Reply reply = user.look_at(draw_scene(scene, 96));
    EXPECT_EQ(reply.kind, ReplyKind::feedback);
    EXPECT_NE(reply.text.find(word_of(gone.shape)), std::string::npos) << reply.text;
  }
}

// The words are understood perfectly and drawn perfectly: what the dialogue itself needs.
TEST(SimulatedUserTest, IsContentWithinFewRoundsWhenEveryWishIsMet) {
  SimulatedUserOptions options;
  options.reaction = 0;
  int accepted = 0, rounds = 0;
  for (std::uint64_t index = 0; index < kUsers; ++index) {
    SimulatedUser user(7, index, options);
    while (true) {
      const Reply reply = user.look_at(draw_scene(scene_of(user.told(), index), 64));
      if (reply.kind == ReplyKind::accept) ++accepted;
      if (reply.kind != ReplyKind::feedback) break;
    }
    rounds += user.round();
  }
  EXPECT_GE(accepted, kUsers * 99 / 100);
  EXPECT_LT(rounds, kUsers * 34 / 10);
}

TEST(SimulatedUserTest, WrongWishesAndChangesOfMindTakeMoreRounds) {
  SimulatedUserOptions options;
  options.reaction = 0;
  options.wrong = 0.2;
  options.change_of_mind = 1.0;
  int accepted = 0, wrong = 0, replies = 0, changed = 0;
  for (std::uint64_t index = 0; index < kUsers; ++index) {
    SimulatedUser user(8, index, options);
    const Scene first = user.target();
    while (true) {
      const Reply reply = user.look_at(draw_scene(scene_of(user.told(), index), 64));
      if (reply.kind == ReplyKind::accept) ++accepted;
      if (reply.kind != ReplyKind::feedback) break;
      ++replies;
      wrong += reply.wrong;
    }
    changed += !(user.target() == first);
  }
  EXPECT_NEAR(wrong / double(replies), 0.2, 0.05);
  EXPECT_GT(accepted, kUsers * 9 / 10);
  EXPECT_GT(changed, kUsers / 2);
}

TEST(SimulatedUserTest, OptionsOutOfRangeAreRefused) {
  SimulatedUserOptions options;
  options.wrong = 1.5;
  EXPECT_THROW(SimulatedUser(1, 1, options), Error);
  options = {};
  options.max_rounds = 0;
  EXPECT_THROW(SimulatedUser(1, 1, options), Error);
}

}  // namespace
}  // namespace omr::scenes
