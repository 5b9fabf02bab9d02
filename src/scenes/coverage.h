// How much of each pixel a shape covers.
#pragma once

#include <cstddef>
#include <vector>

#include "omr/scenes/world.h"

namespace omr::scenes {

// Shares of 0 … 1 of the pixels of columns [left, left+width) and rows [top, top+height), row by
// row; nothing is covered outside. The window is cut to the picture.
struct Coverage {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  std::vector<float> shares;

  float at(int x, int y) const {
    return shares[static_cast<std::size_t>(y - top) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x - left)];
  }
};

// Exact along rows; 16 lines a pixel across them. Centre and half side in pixels, where pixel 0
// spans 0 … 1; the picture is `picture_width` by `picture_height` pixels.
Coverage coverage_of(Shape shape, double center_x, double center_y, double half_side,
                     int picture_width, int picture_height);

// Of the whole shape with half side 1, from its outline.
double area_of(Shape shape);
// Its centre of area, in half sides from the box's centre.
Position centroid_of(Shape shape);

}  // namespace omr::scenes
