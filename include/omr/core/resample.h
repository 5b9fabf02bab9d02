// Antialiased resizing of 8-bit pictures, bit for bit as Pillow 13's Image.resize
// (libImaging/Resample.c): two passes, each rounded to 8 bits, with fixed-point coefficients of 22
// fractional bits. The horizontal pass comes first unless the height shrinks by more than twice
// what the width does (Pillow before 13 always takes it first).
#pragma once

#include <cstdint>

#include "omr/core/image.h"

namespace omr {

// Numbered as Pillow and preprocessor_config.json number them.
enum class Resample { lanczos = 1, bilinear = 2, bicubic = 3, box = 4, hamming = 5 };

// A part of the resized picture, in its pixels.
struct Window {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// `window` of `image` as it would be if all of it were resized to width x height. The window lies
// within the resized picture; all sizes are positive.
Image resize(const Image& image, int width, int height, Resample filter, const Window& window);
Image resize(const Image& image, int width, int height, Resample filter);

}  // namespace omr
