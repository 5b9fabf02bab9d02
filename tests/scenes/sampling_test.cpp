#include "omr/scenes/sampling.h"

#include <array>
#include <cmath>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::scenes {
namespace {

constexpr std::uint64_t kSeed = 11;

TEST(SamplingTest, ASceneIsAFunctionOfSeedAndIndex) {
  for (std::uint64_t index = 0; index < 20; ++index) {
    Random random(kSeed, index), again(kSeed, index), other(kSeed + 1, index);
    const Scene scene = sample_scene(random);
    EXPECT_EQ(scene, sample_scene(again));
    EXPECT_NE(scene, sample_scene(other));
  }
}

TEST(SamplingTest, ObjectsStayInTheirPlacesInThePictureAndApart) {
  for (std::uint64_t index = 0; index < 2000; ++index) {
    Random random(kSeed, index);
    const Scene scene = sample_scene(random);
    EXPECT_FALSE(has_overlap(scene));
    std::set<std::pair<Shape, Colour>> names;
    for (const Object& object : scene.objects) {
      const Position nominal = position_of(object.place);
      EXPECT_LE(std::fabs(object.center.x - nominal.x), kPlaceJitter);
      EXPECT_LE(std::fabs(object.center.y - nominal.y), kPlaceJitter);
      const double half = side_of(object.size) / 2;
      EXPECT_GE(object.center.x, half);
      EXPECT_LE(object.center.y, 1 - half);
      names.emplace(object.shape, object.colour);
    }
    EXPECT_EQ(names.size(), scene.objects.size());
  }
}

TEST(SamplingTest, EveryValueOfEveryAttributeIsDrawnEvenly) {
  std::array<int, 4> counts{};
  std::array<int, kShapes.size()> shapes{};
  std::array<int, kSizes.size()> sizes{};
  std::array<int, kPlaces.size()> places{};
  int objects = 0;
  for (std::uint64_t index = 0; index < 6000; ++index) {
    Random random(kSeed, index);
    const Scene scene = sample_scene(random);
    ++counts[scene.objects.size()];
    for (const Object& object : scene.objects) {
      ++objects;
      ++shapes[static_cast<std::size_t>(object.shape)];
      ++sizes[static_cast<std::size_t>(object.size)];
      ++places[static_cast<std::size_t>(object.place)];
    }
  }
  for (std::size_t n = 1; n <= 3; ++n) EXPECT_NEAR(counts[n], 2000, 200);
  for (int count : shapes) EXPECT_NEAR(count, objects / 8, objects / 80);
  for (int count : sizes) EXPECT_NEAR(count, objects / 3, objects / 30);
  for (int count : places) EXPECT_GT(count, objects / 30);  // the centre leaves others no room
}

TEST(SamplingTest, TheNumberOfObjectsIsAsAskedFor) {
  for (std::uint64_t index = 0; index < 50; ++index) {
    Random random(kSeed, index);
    EXPECT_EQ(sample_scene(random, {2, 2}).objects.size(), 2u);
  }
  Random random(kSeed);
  EXPECT_THROW(sample_scene(random, {0, 2}), Error);
  EXPECT_THROW(sample_scene(random, {2, 1}), Error);
  EXPECT_THROW(sample_scene(random, {1, 4}), Error);
}

TEST(SamplingTest, ASceneOfADescriptionSaysWhatTheDescriptionSays) {
  for (std::uint64_t index = 0; index < 500; ++index) {
    Random random(kSeed, index);
    const Description said = describe(sample_scene(random), {0.5, 0.0, 0.3, 0.5}, random);
    const Scene scene = scene_of(said, index);
    EXPECT_FALSE(has_overlap(scene)) << caption(said);
    ASSERT_EQ(scene.objects.size(), said.objects.size());
    for (std::size_t i = 0; i < said.objects.size(); ++i) {
      EXPECT_EQ(scene.objects[i].shape, said.objects[i].shape);
      EXPECT_EQ(scene.objects[i].size, said.objects[i].size);
      if (said.objects[i].colour) {
        EXPECT_EQ(scene.objects[i].colour, said.objects[i].colour);
      }
      if (said.objects[i].place) {
        EXPECT_EQ(scene.objects[i].place, said.objects[i].place);
      }
    }
    if (said.background) {
      EXPECT_EQ(scene.background, said.background);
    }
  }
}

TEST(SamplingTest, WhatADescriptionLeavesUnsaidOutlivesAChangeElsewhere) {
  int kept = 0, kept_elsewhere = 0;
  constexpr int kScenes = 200;
  for (std::uint64_t seed = 0; seed < kScenes; ++seed) {
    Description said = read_caption("a red star and a blue house");
    const Scene before = scene_of(said, seed);
    said.objects[1].size = Size::small;
    const Scene after = scene_of(said, seed);
    EXPECT_EQ(after.background, before.background);
    kept_elsewhere += after.objects[0] == before.objects[0];
    kept += after.objects[1].place == before.objects[1].place;
  }
  EXPECT_GT(kept_elsewhere, kScenes * 19 / 20);  // all but those that left the other no room
  EXPECT_GT(kept, kScenes / 2);                  // some find room sooner when they are small
}

TEST(SamplingTest, ADescriptionWithoutRoomIsDrawnAllTheSame) {
  const Description said =
      read_caption("a large red star at the top and a large blue house at the top");
  EXPECT_EQ(scene_of(said, 1).objects.size(), 2u);
}

TEST(SamplingTest, RoomIsMadeByNewJitter) {
  Scene scene;
  scene.objects = {{Shape::star, Colour::red, Size::medium, Place::left, {0.25, 0.5}},
                   {Shape::tree, Colour::red, Size::small, Place::center, {0.47, 0.5}}};
  Random random(kSeed);
  ASSERT_TRUE(has_overlap(scene));
  EXPECT_TRUE(make_room(scene, 1, random));
  EXPECT_FALSE(has_overlap(scene));
  EXPECT_EQ(scene.objects[0].center.x, 0.25);
  scene.objects[1].size = Size::large;
  const double x = scene.objects[1].center.x;
  EXPECT_FALSE(make_room(scene, 0, random));
  EXPECT_EQ(scene.objects[1].center.x, x);
}

}  // namespace
}  // namespace omr::scenes
