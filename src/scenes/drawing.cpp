#include "omr/scenes/drawing.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <string>

#include "omr/core/error.h"

#include "scenes/coverage.h"

namespace omr::scenes {
namespace {

constexpr int kNarrowestDrawn = 8;
constexpr int kWidest = 4096;

std::uint8_t mix(std::uint8_t under, std::uint8_t over, float share) {
  return static_cast<std::uint8_t>(
      std::lround(static_cast<float>(under) + share * (static_cast<float>(over) - under)));
}

void draw_object(const Object& object, Image& image) {
  const double width = image.width;
  const Coverage coverage =
      coverage_of(object.shape, object.center.x * width, object.center.y * width,
                  side_of(object.size) / 2 * width, image.width, image.height);
  const Rgb paint = rgb_of(object.colour);
  const std::array<std::uint8_t, 3> channels = {paint.red, paint.green, paint.blue};
  std::size_t index = 0;
  for (int y = coverage.top; y < coverage.top + coverage.height; ++y) {
    std::uint8_t* pixel = image.pixels.data() + 3 * (static_cast<std::size_t>(y) * image.width +
                                                     static_cast<std::size_t>(coverage.left));
    for (int x = 0; x < coverage.width; ++x, pixel += 3) {
      const float share = coverage.shares[index++];
      if (share == 0.0f) continue;
      for (std::size_t c = 0; c < 3; ++c) pixel[c] = mix(pixel[c], channels[c], share);
    }
  }
}

}  // namespace

Image draw_scene(const Scene& scene, int width) {
  if (width < kNarrowestDrawn || width > kWidest) {
    throw Error(ErrorKind::usage, "a scene is drawn " + std::to_string(kNarrowestDrawn) + " to " +
                                      std::to_string(kWidest) + " pixels wide, not " +
                                      std::to_string(width));
  }
  Image image{width, width, {}};
  const Rgb plain = rgb_of(scene.background);
  image.pixels.resize(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = plain.red;
    image.pixels[i + 1] = plain.green;
    image.pixels[i + 2] = plain.blue;
  }
  for (const Object& object : scene.objects) draw_object(object, image);
  return image;
}

}  // namespace omr::scenes
