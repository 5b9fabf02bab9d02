// What stands out from the background of a picture, cut into one-coloured regions.
#pragma once

#include <cstddef>
#include <vector>

#include "omr/core/image.h"
#include "omr/scenes/world.h"

namespace omr::scenes {

struct FloatRgb {
  double red = 0;
  double green = 0;
  double blue = 0;
};

double distance(const FloatRgb& a, const FloatRgb& b);  // Euclidean, in steps of 8-bit sRGB
FloatRgb pixel_of(const Image& image, std::size_t index);
FloatRgb float_rgb(Rgb rgb);

struct Region {
  std::vector<std::size_t> pixels;  // indices, ascending
  FloatRgb rgb;                     // the median of what lies within, away from the edges
  Colour colour = Colour::red;      // the nearest of the world's
};

struct Regions {
  FloatRgb background;          // the median of the border
  std::vector<Region> regions;  // none smaller than kSmallestRegion
  std::vector<int> region_of;   // for every pixel: its region's index, -1 for the background
};

// In shares of the picture: a third of what the smallest object covers.
inline constexpr double kSmallestRegion = 0.003;

// Pixels that differ from the background, joined where they touch, cut where two colours meet.
Regions find_regions(const Image& image);

// The parts that a region falls into when it is thinned, each with the pixels nearest to it; none
// when it does not. For two objects of one colour that touch.
std::vector<std::vector<std::size_t>> parts_of(const Region& region, int picture_width);

}  // namespace omr::scenes
