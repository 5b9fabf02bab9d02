#include "omr/scenes/scene.h"

#include <cmath>
#include <cstddef>

namespace omr::scenes {
namespace {

// Between two boxes, in shares of the width: more than a pixel in a picture of 64.
constexpr double kMargin = 0.02;

}  // namespace

double least_distance(Size a, Size b) { return (side_of(a) + side_of(b)) / 2 + kMargin; }

bool overlap(const Object& a, const Object& b) {
  const double apart = least_distance(a.size, b.size);
  return std::fabs(a.center.x - b.center.x) < apart && std::fabs(a.center.y - b.center.y) < apart;
}

bool has_overlap(const Scene& scene) {
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(scene.objects[i], scene.objects[j])) return true;
    }
  }
  return false;
}

}  // namespace omr::scenes
