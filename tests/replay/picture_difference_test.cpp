#include "omr/replay/picture_difference.h"

#include <gtest/gtest.h>

#include "support/error_of.h"

namespace omr::replay {
namespace {

Image noise(int width, int height, std::uint32_t state) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) {
    state = state * 1664525u + 1013904223u;
    image.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return image;
}

TEST(PictureDifferenceTest, EqualPicturesDoNotDiffer) {
  const PictureDifference d = compare_pictures(noise(20, 15, 1), noise(20, 15, 1));
  EXPECT_EQ(d.max, 0);
  EXPECT_EQ(d.mean, 0);
  EXPECT_EQ(d.ssim, 1);
}

TEST(PictureDifferenceTest, MaxAndMeanAreOfChannels) {
  Image a{2, 1, {10, 10, 10, 0, 0, 0}}, b{2, 1, {10, 16, 10, 0, 0, 0}};
  const PictureDifference d = compare_pictures(a, b);
  EXPECT_EQ(d.max, 6);
  EXPECT_DOUBLE_EQ(d.mean, 1);
}

// Computed with numpy.cov over every 7×7 window, as scikit-image's structural_similarity does.
TEST(PictureDifferenceTest, StructuralSimilarityIsThatOfTheDefinition) {
  Image a = noise(20, 15, 1), b = a;
  for (std::size_t i = 0; i < b.pixels.size(); ++i)
    b.pixels[i] = static_cast<std::uint8_t>(b.pixels[i] / 2 + noise(20, 15, 2).pixels[i] / 4);
  EXPECT_NEAR(compare_pictures(a, b).ssim, 0.722298104263, 1e-9);
  EXPECT_NEAR(compare_pictures(noise(20, 15, 1), noise(20, 15, 3)).ssim, 0.037898533519, 1e-9);
}

TEST(PictureDifferenceTest, SizesMustAgree) {
  EXPECT_EQ(error_of([] { compare_pictures(noise(2, 3, 1), noise(3, 2, 1)); }).kind(),
            ErrorKind::mismatch);
  EXPECT_LT(compare_pictures(noise(2, 3, 1), noise(2, 3, 2)).ssim, 1);
}

TEST(PictureDifferenceTest, TheLargestDifferenceIsAmplifiedToWhite) {
  const Image d =
      amplified_difference({2, 1, {10, 10, 10, 0, 0, 0}}, {2, 1, {10, 12, 11, 0, 0, 0}});
  EXPECT_EQ(d.pixels, (std::vector<std::uint8_t>{0, 255, 127, 0, 0, 0}));
}

}  // namespace
}  // namespace omr::replay
