#include "omr/core/resample.h"

#include <gtest/gtest.h>

#include "reward/peer_case.h"

namespace omr::reward {
namespace {

Image gradient(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>((x * 37 + y * 11 * (c + 1)) % 256));
      }
    }
  }
  return image;
}

TEST(PeersResampleTest, EveryFilterEqualsPillowToTheBit) {
  const PeerCase peer("resample");
  const auto& cases = peer.config.json().at("cases");
  ASSERT_GE(cases.size(), 40u);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Image in = peer.picture("in" + std::to_string(i));
    const Image expected = peer.picture("out" + std::to_string(i));
    const auto filter = static_cast<Resample>(cases[i].at("resample").get<int>());
    const Image out = resize(in, expected.width, expected.height, filter);
    EXPECT_EQ(out.pixels, expected.pixels)
        << in.width << "x" << in.height << " to " << expected.width << "x" << expected.height
        << ", filter " << static_cast<int>(filter);
  }
}

TEST(ResampleTest, SameSizeIsACopy) {
  const Image image = gradient(13, 7);
  EXPECT_EQ(resize(image, 13, 7, Resample::bicubic).pixels, image.pixels);
}

TEST(ResampleTest, WindowIsTheSamePixelsAsOfTheWhole) {
  // Of the pictures, the first is resized across first, the second down first.
  for (const auto& [image, height] :
       {std::pair{gradient(41, 23), 50}, std::pair{gradient(31, 90), 40}}) {
    const Image whole = resize(image, 30, height, Resample::bicubic);
    const Image part = resize(image, 30, height, Resample::bicubic, {5, 17, 11, 20});
    for (int y = 0; y < 20; ++y) {
      for (int x = 0; x < 11 * 3; ++x) {
        ASSERT_EQ(part.pixels[y * 33 + x], whole.pixels[(17 + y) * 90 + 15 + x]) << x << ", " << y;
      }
    }
  }
}

TEST(ResampleTest, FlatColourStaysFlat) {
  Image image{9, 5, std::vector<std::uint8_t>(9 * 5 * 3, 255)};
  for (const Resample filter : {Resample::lanczos, Resample::bilinear, Resample::bicubic}) {
    for (const std::uint8_t value : resize(image, 31, 2, filter).pixels) EXPECT_EQ(value, 255);
  }
}

}  // namespace
}  // namespace omr::reward
