#include "omr/scenes/judge.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/scenes/captions.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/drawing.h"
#include "omr/scenes/sampling.h"

namespace omr::scenes {
namespace {

constexpr int kScenes = 300;
constexpr int kAllScenes = 2000;  // what the stated accuracies are measured on

// Every channel of every pixel, normal to a good approximation (twelve uniform numbers).
Image with_noise(Image image, double sigma, Random& random) {
  for (std::uint8_t& value : image.pixels) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += random.uniform();
    value = static_cast<std::uint8_t>(std::clamp(std::lround(value + sigma * sum), 0L, 255L));
  }
  return image;
}

// [1 w 1]/(w+2) along both axes; w = 4 is a Gaussian of sigma 0.58.
Image blurred(const Image& image, double w) {
  Image out = image;
  const auto at = [&](const Image& from, int x, int y, int c) {
    x = std::clamp(x, 0, from.width - 1);
    y = std::clamp(y, 0, from.height - 1);
    return static_cast<double>(from.pixels[static_cast<std::size_t>(3 * (y * from.width + x) + c)]);
  };
  for (bool rows : {true, false}) {
    const Image from = out;
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          const int dx = rows ? 1 : 0, dy = rows ? 0 : 1;
          const double sum =
              at(from, x - dx, y - dy, c) + w * at(from, x, y, c) + at(from, x + dx, y + dy, c);
          out.pixels[static_cast<std::size_t>(3 * (y * image.width + x) + c)] =
              static_cast<std::uint8_t>(std::lround(sum / (w + 2)));
        }
      }
    }
  }
  return out;
}

template <class Spoil>
double share_read_right(int width, Spoil spoil, int scenes = kScenes) {
  int right = 0;
  for (int index = 0; index < scenes; ++index) {
    Random random(21, static_cast<std::uint64_t>(index));
    const Scene scene = sample_scene(random);
    const Verdict verdict = judge(spoil(draw_scene(scene, width), random));
    right += compare(scene, verdict).all_right();
  }
  return static_cast<double>(right) / scenes;
}

TEST(JudgeTest, ReadsDrawnScenesBack) {
  const auto clean = [](const Image& image, Random&) { return image; };
  EXPECT_GE(share_read_right(128, clean), 0.995);
  EXPECT_GE(share_read_right(96, clean), 0.995);
  EXPECT_GE(share_read_right(64, clean), 0.99);
}

TEST(JudgeTest, ReadsThroughNoiseAndBlur) {
  const auto noise = [](const Image& image, Random& random) {
    return with_noise(image, 6, random);
  };
  const auto blur = [](const Image& image, Random&) { return blurred(image, 4); };
  const auto both = [](const Image& image, Random& random) {
    return with_noise(blurred(image, 4), 6, random);
  };
  EXPECT_GE(share_read_right(64, noise), 0.99);
  EXPECT_GE(share_read_right(64, blur), 0.99);
  EXPECT_GE(share_read_right(96, both), 0.995);
}

// Run by the ctest test scenes_full.
TEST(JudgeTest, DISABLED_ReadsTwoThousandScenesOfEverySizeBack) {
  const auto clean = [](const Image& image, Random&) { return image; };
  const auto noise = [](const Image& image, Random& random) {
    return with_noise(image, 6, random);
  };
  const auto both = [](const Image& image, Random& random) {
    return with_noise(blurred(image, 4), 6, random);
  };
  for (int width : {64, 96, 128}) {
    const double least = width == 64 ? 0.99 : 0.995;
    EXPECT_GE(share_read_right(width, clean, kAllScenes), least) << width;
    EXPECT_GE(share_read_right(width, noise, kAllScenes), least) << width;
    EXPECT_GE(share_read_right(width, both, kAllScenes), least) << width;
  }
}

TEST(JudgeTest, MeasuresSideCentreAndOverlap) {
  Scene scene;
  scene.background = Background::beige;
  scene.objects = {{Shape::heart, Colour::purple, Size::large, Place::left, {0.24, 0.49}}};
  const Verdict verdict = judge(draw_scene(scene, 96));
  ASSERT_EQ(verdict.objects.size(), 1u);
  EXPECT_NEAR(verdict.objects[0].side, 0.42, 0.005);
  EXPECT_NEAR(verdict.objects[0].object.center.x, 0.24, 0.003);
  EXPECT_NEAR(verdict.objects[0].object.center.y, 0.49, 0.003);
  EXPECT_GT(verdict.objects[0].overlap, 0.95);
  EXPECT_LT(verdict.objects[0].colour_distance, 1.0);
  EXPECT_LT(verdict.background_distance, 1.0);
}

TEST(JudgeTest, TellsTouchingObjectsApart) {
  Scene scene;
  scene.background = Background::black;
  scene.objects = {{Shape::square, Colour::blue, Size::medium, Place::left, {0.25, 0.5}},
                   {Shape::square, Colour::pink, Size::medium, Place::center, {0.50, 0.5}}};
  EXPECT_TRUE(compare(scene, judge(draw_scene(scene, 96))).all_right());
  scene.objects = {{Shape::circle, Colour::green, Size::medium, Place::left, {0.25, 0.5}},
                   {Shape::circle, Colour::green, Size::medium, Place::center, {0.53, 0.5}}};
  EXPECT_TRUE(compare(scene, judge(draw_scene(scene, 96))).all_right());
}

TEST(JudgeTest, ARimOfMixedColourIsNotAnObject) {
  Scene scene;
  scene.background = Background::navy;  // orange and navy mix to brown
  scene.objects = {{Shape::moon, Colour::orange, Size::large, Place::center, {0.5, 0.5}}};
  const Image image = blurred(blurred(blurred(draw_scene(scene, 128), 1), 1), 1);
  EXPECT_TRUE(compare(scene, judge(image)).all_right()) << in_words(judge(image));
}

TEST(JudgeTest, TheShadesOfAMuddyObjectAreOneObject) {
  Scene scene;
  scene.background = Background::gray;
  scene.objects = {{Shape::square, Colour::brown, Size::large, Place::center, {0.5, 0.5}}};
  Image image = draw_scene(scene, 64);
  // Half of it a little nearer to blue than to brown, half the other way round.
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    if (image.pixels[i] != 130) continue;
    const bool upper = i < image.pixels.size() / 2;
    image.pixels[i] = upper ? 90 : 70;
    image.pixels[i + 1] = 95;
    image.pixels[i + 2] = upper ? 110 : 145;
  }
  EXPECT_EQ(judge(image).objects.size(), 1u) << in_words(judge(image));
}

TEST(JudgeTest, SeesNothingOnAPlainPictureAndNoSpecks) {
  Scene scene;
  scene.background = Background::gray;
  Image image = draw_scene(scene, 64);
  for (std::size_t i = 0; i < 9; ++i) image.pixels[3 * (64 * 30 + 30) + i] = 0;
  const Verdict verdict = judge(image);
  EXPECT_EQ(verdict.background, Background::gray);
  EXPECT_TRUE(verdict.objects.empty());
  EXPECT_EQ(in_words(verdict), "a gray background");
}

TEST(JudgeTest, AnyPictureHasAVerdict) {
  for (std::uint64_t index = 0; index < 60; ++index) {
    Random random(4, index);
    const int width = 16 + static_cast<int>(random.below(60));
    const int height = 16 + static_cast<int>(random.below(60));
    Image image{width, height, {}};
    image.pixels.resize(static_cast<std::size_t>(3 * width * height));
    const std::size_t block = 1 + random.below(8);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] =
          i % block == 0 ? static_cast<std::uint8_t>(random.below(256)) : image.pixels[i - 1];
    }
    const Verdict verdict = judge(image);
    EXPECT_LE(verdict.objects.size(), 12u);
    EXPECT_FALSE(in_words(verdict).empty());
    for (const SeenObject& seen : verdict.objects) EXPECT_TRUE(std::isfinite(seen.side));
  }
}

TEST(JudgeTest, PicturesWithoutEnoughPixelsAreRefused) {
  EXPECT_THROW(judge({}), Error);
  EXPECT_THROW(judge(Image{16, 16, std::vector<std::uint8_t>(10)}), Error);
}

}  // namespace
}  // namespace omr::scenes
