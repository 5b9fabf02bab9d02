// A finished picture in memory.
#pragma once

#include <cstdint>
#include <vector>

namespace omr {

// 8-bit sRGB, rows from the top, 3 bytes a pixel without padding: pixels.size() == width*height*3.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

}  // namespace omr
