// The outlines of the world's shapes.
#pragma once

#include <span>

#include "omr/scenes/world.h"

namespace omr::scenes {

struct Point {
  double x = 0;
  double y = 0;
};

// A closed polygon without its first point repeated, never crossing itself. Unit: half the side of
// the object's box; y points down; the box's centre is at 0,0.
std::span<const Point> outline_of(Shape shape);

}  // namespace omr::scenes
