#include "omr/core/resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace omr {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;
constexpr double kPi = 3.14159265358979323846;

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(x * kPi) / (x * kPi); }

double support_of(Resample filter) {
  switch (filter) {
    case Resample::lanczos:
      return 3.0;
    case Resample::bicubic:
      return 2.0;
    case Resample::box:
      return 0.5;
    case Resample::bilinear:
    case Resample::hamming:
      return 1.0;
  }
  return 1.0;
}

// The order of operations is Pillow's: the coefficients are rounded to fixed point afterwards.
double weight_of(Resample filter, double x) {
  switch (filter) {
    case Resample::bilinear:
      x = std::fabs(x);
      return x < 1.0 ? 1.0 - x : 0.0;
    case Resample::bicubic: {
      constexpr double a = -0.5;
      x = std::fabs(x);
      if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
      if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
      return 0.0;
    }
    case Resample::lanczos:
      return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
    case Resample::box:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Resample::hamming:
      x = std::fabs(x);
      if (x == 0.0) return 1.0;
      if (x >= 1.0) return 0.0;
      x *= kPi;
      return std::sin(x) / x * (0.54f + 0.46f * std::cos(x));
  }
  return 0.0;
}

// One output pixel along one axis: `count` input pixels from `first`, weighted by
// weights[offset…] in units of 2^-22.
struct Taps {
  int first = 0;
  int count = 0;
  std::size_t offset = 0;
};

struct Axis {
  std::vector<Taps> taps;
  std::vector<std::int32_t> weights;
};

Axis make_axis(int in_size, int out_size, int from, int count, Resample filter) {
  Axis axis;
  axis.taps.reserve(static_cast<std::size_t>(count));
  if (in_size == out_size) {  // Pillow leaves this pass out
    axis.weights = {1 << kPrecisionBits};
    for (int i = 0; i < count; ++i) axis.taps.push_back({from + i, 1, 0});
    return axis;
  }
  const double scale = static_cast<double>(in_size) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = support_of(filter) * filter_scale;
  std::vector<double> weights;
  for (int i = from; i < from + count; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in_size);
    weights.assign(static_cast<std::size_t>(last - first), 0.0);
    double sum = 0.0;
    for (int x = first; x < last; ++x) {
      const double weight = weight_of(filter, (x - center + 0.5) * (1.0 / filter_scale));
      weights[static_cast<std::size_t>(x - first)] = weight;
      sum += weight;
    }
    axis.taps.push_back({first, last - first, axis.weights.size()});
    for (double weight : weights) {
      if (sum != 0.0) weight /= sum;
      const double fixed = weight * (1 << kPrecisionBits);
      axis.weights.push_back(static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return axis;
}

std::uint8_t round_to_8_bits(std::int32_t fixed) {
  return static_cast<std::uint8_t>(std::clamp(fixed >> kPrecisionBits, 0, 255));
}

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

// Input pixels that an axis reads: from the first tap of the first to the last of the last.
int first_read(const Axis& axis) { return axis.taps.front().first; }
int count_read(const Axis& axis) {
  return axis.taps.back().first + axis.taps.back().count - first_read(axis);
}

Image blank(int width, int height) {
  return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3)};
}

// Rows [first_row, first_row + rows) of `in` at their final width. `in` begins at column `left` of
// the picture that the taps count in.
Image resample_rows(const Image& in, const Axis& axis, int left, int first_row, int rows) {
  Image out = blank(static_cast<int>(axis.taps.size()), rows);
  std::uint8_t* to = out.pixels.data();
  for (int y = first_row; y < first_row + rows; ++y) {
    const std::uint8_t* row = in.pixels.data() + static_cast<std::size_t>(y) * in.width * 3;
    for (const Taps& taps : axis.taps) {
      const std::int32_t* weights = axis.weights.data() + taps.offset;
      const std::uint8_t* pixel = row + static_cast<std::size_t>(taps.first - left) * 3;
      std::int32_t sum[3] = {kHalf, kHalf, kHalf};
      for (int i = 0; i < taps.count; ++i, pixel += 3) {
        for (int c = 0; c < 3; ++c) sum[c] += pixel[c] * weights[i];
      }
      for (int c = 0; c < 3; ++c) *to++ = round_to_8_bits(sum[c]);
    }
  }
  return out;
}

// Columns [first_column, first_column + columns) of `in` at their final height. `in` begins at row
// `top` of the picture that the taps count in.
Image resample_columns(const Image& in, const Axis& axis, int top, int first_column, int columns) {
  Image out = blank(columns, static_cast<int>(axis.taps.size()));
  const std::size_t stride = static_cast<std::size_t>(columns) * 3;
  std::vector<std::int32_t> sums(stride);
  std::uint8_t* to = out.pixels.data();
  for (const Taps& taps : axis.taps) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int i = 0; i < taps.count; ++i) {
      const std::int32_t weight = axis.weights[taps.offset + static_cast<std::size_t>(i)];
      const auto row = static_cast<std::size_t>(taps.first - top + i);
      const std::uint8_t* from = in.pixels.data() + (row * in.width + first_column) * 3;
      for (std::size_t x = 0; x < stride; ++x) sums[x] += from[x] * weight;
    }
    for (std::size_t x = 0; x < stride; ++x) *to++ = round_to_8_bits(sums[x]);
  }
  return out;
}

}  // namespace

Image resize(const Image& image, int width, int height, Resample filter, const Window& window) {
  const Axis across = make_axis(image.width, width, window.left, window.width, filter);
  const Axis down = make_axis(image.height, height, window.top, window.height, filter);
  // The order shows in the rounding between the passes.
  const int lost_height = image.height - height;
  const int lost_width = image.width - width;
  if (lost_height > 0 && lost_height > 2 * lost_width) {
    const int first = first_read(across);
    const Image low = resample_columns(image, down, 0, first, count_read(across));
    return resample_rows(low, across, first, 0, window.height);
  }
  const int first = first_read(down);
  const Image narrow = resample_rows(image, across, 0, first, count_read(down));
  return resample_columns(narrow, down, first, 0, window.width);
}

Image resize(const Image& image, int width, int height, Resample filter) {
  return resize(image, width, height, filter, {0, 0, width, height});
}

}  // namespace omr
