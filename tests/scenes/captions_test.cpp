#include "omr/scenes/captions.h"

#include <gtest/gtest.h>

#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

Scene three_objects() {
  Scene scene;
  scene.objects = {{Shape::star, Colour::red, Size::large, Place::top_left, {}},
                   {Shape::house, Colour::blue, Size::small, Place::right, {}},
                   {Shape::tree, Colour::orange, Size::medium, Place::center, {}}};
  scene.background = Background::navy;
  return scene;
}

TEST(CaptionsTest, NameObjectsInOrderAndTheBackgroundLast) {
  Scene scene = three_objects();
  EXPECT_EQ(
      caption(scene),
      "a large red star at the top left, a small blue house on the right and a orange tree in "
      "the center on a navy background");
  scene.objects.pop_back();
  EXPECT_EQ(
      caption(scene),
      "a large red star at the top left and a small blue house on the right on a navy background");
  scene.objects.pop_back();
  EXPECT_EQ(caption(scene), "a large red star at the top left on a navy background");
  scene.objects.pop_back();
  EXPECT_EQ(caption(scene), "a navy background");
  EXPECT_EQ(caption(Description{}), "");
}

TEST(CaptionsTest, LeaveOutWhatTheOptionsAskFor) {
  Random random(5);
  const Scene scene = three_objects();
  EXPECT_EQ(caption(scene, {0, 0, 0, 0}, random), caption(scene));
  EXPECT_EQ(caption(scene, {1, 1, 1, 1}, random), "a star, a house and a tree");
  int places = 0, backgrounds = 0;
  for (int i = 0; i < 2000; ++i) {
    const Description said = describe(scene, {}, random);
    for (const ObjectDescription& object : said.objects) places += !object.place;
    backgrounds += !said.background;
  }
  EXPECT_NEAR(places / 6000.0, CaptionOptions{}.leave_out_place, 0.03);
  EXPECT_NEAR(backgrounds / 2000.0, CaptionOptions{}.leave_out_background, 0.04);
}

TEST(CaptionsTest, AreReadBackWhole) {
  for (std::uint64_t index = 0; index < 2000; ++index) {
    Random random(8, index);
    const Description said = describe(sample_scene(random), {0.3, 0.3, 0.3, 0.3}, random);
    Description expected = said;
    // Without its colour an object may be named as another one is.
    bool distinct = true;
    for (std::size_t i = 0; i < said.objects.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        distinct &= said.objects[i].shape != said.objects[j].shape ||
                    said.objects[i].colour != said.objects[j].colour;
      }
    }
    if (distinct) {
      EXPECT_EQ(read_caption(caption(said)), expected) << caption(said);
    }
  }
}

TEST(CaptionsTest, PassOverWhatTheyDoNotUnderstand) {
  const Description said = read_caption(
      "A photo of a RED star, please! make the star bigger, a small blue house on the left; 日本 "
      "use a navy background, a red star at the top left corner");
  ASSERT_EQ(said.objects.size(), 2u);
  EXPECT_EQ(caption(said),
            "a red star at the top left and a small blue house on the left on a navy background");
  EXPECT_EQ(read_caption("a dog on the moon"), Description{});
  EXPECT_EQ(read_caption(""), Description{});
  EXPECT_EQ(read_caption("a"), Description{});
  EXPECT_EQ(caption(read_caption("a star on the")), "a star");
}

}  // namespace
}  // namespace omr::scenes
