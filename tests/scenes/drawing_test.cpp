#include "omr/scenes/drawing.h"

#include <cmath>

#include <gtest/gtest.h>

#include "omr/core/error.h"

#include "scenes/coverage.h"

namespace omr::scenes {
namespace {

Rgb pixel(const Image& image, int x, int y) {
  const std::uint8_t* at = image.pixels.data() + 3 * (y * image.width + x);
  return {at[0], at[1], at[2]};
}

void expect_rgb(Rgb found, Rgb expected) {
  EXPECT_EQ(found.red, expected.red);
  EXPECT_EQ(found.green, expected.green);
  EXPECT_EQ(found.blue, expected.blue);
}

TEST(DrawingTest, PaintsObjectAndBackgroundInTheirColours) {
  Scene scene;
  scene.background = Background::cyan;
  scene.objects = {{Shape::square, Colour::brown, Size::medium, Place::right, {0.78, 0.5}}};
  for (int width : {64, 96, 128}) {
    const Image image = draw_scene(scene, width);
    ASSERT_EQ(image.pixels.size(), 3u * width * width);
    expect_rgb(pixel(image, 0, 0), rgb_of(Background::cyan));
    expect_rgb(pixel(image, width * 78 / 100, width / 2), rgb_of(Colour::brown));
    expect_rgb(pixel(image, width / 2, width / 2), rgb_of(Background::cyan));
  }
}

// A square's edges lie where its outline says, to a fraction of a pixel.
TEST(DrawingTest, EdgesAreMixedByTheShareOfThePixelCovered) {
  Scene scene;
  scene.objects = {{Shape::square, Colour::red, Size::medium, Place::center, {0.5, 0.5}}};
  const Image image = draw_scene(scene, 100);
  // From 50 - 15*0.85 = 37.25: pixel 37 is covered by three quarters.
  expect_rgb(pixel(image, 36, 50), rgb_of(Background::white));
  EXPECT_NEAR(pixel(image, 37, 50).green, 245 + 0.75 * (39 - 245), 1.5);
  EXPECT_NEAR(pixel(image, 50, 37).green, 245 + 0.75 * (39 - 245), 1.5);
  expect_rgb(pixel(image, 38, 50), rgb_of(Colour::red));
}

TEST(DrawingTest, EveryShapeCoversItsArea) {
  for (Shape shape : kShapes) {
    const Coverage coverage = coverage_of(shape, 40.3, 39.8, 30.0, 80, 80);
    double area = 0, x_sum = 0, y_sum = 0;
    for (int y = coverage.top; y < coverage.top + coverage.height; ++y) {
      for (int x = coverage.left; x < coverage.left + coverage.width; ++x) {
        area += coverage.at(x, y);
        x_sum += coverage.at(x, y) * (x + 0.5);
        y_sum += coverage.at(x, y) * (y + 0.5);
      }
    }
    EXPECT_NEAR(area, area_of(shape) * 900, 2.0) << word_of(shape);
    EXPECT_NEAR(x_sum / area, 40.3 + 30 * centroid_of(shape).x, 0.05) << word_of(shape);
    EXPECT_NEAR(y_sum / area, 39.8 + 30 * centroid_of(shape).y, 0.05) << word_of(shape);
  }
}

TEST(DrawingTest, ShapesAreCutAtThePicturesEdge) {
  const Coverage coverage = coverage_of(Shape::circle, 0.0, 5.0, 8.0, 10, 10);
  EXPECT_EQ(coverage.left, 0);
  EXPECT_EQ(coverage.top, 0);
  EXPECT_EQ(coverage.width, 8);
  EXPECT_EQ(coverage.height, 10);
  EXPECT_EQ(coverage.at(0, 5), 1.0f);
  EXPECT_TRUE(coverage_of(Shape::circle, -20.0, 5.0, 8.0, 10, 10).shares.empty());
}

TEST(DrawingTest, WidthsOutOfRangeAreRefused) {
  EXPECT_THROW(draw_scene({}, 7), Error);
  EXPECT_THROW(draw_scene({}, 5000), Error);
  EXPECT_EQ(draw_scene({}, 8).pixels.size(), 3u * 8 * 8);
}

}  // namespace
}  // namespace omr::scenes
