#include "scenes/coverage.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "scenes/outlines.h"

namespace omr::scenes {
namespace {

constexpr int kLines = 16;  // a pixel

// Adds what the span [from, to) of one line covers to the pixels of its row.
void add_span(float* row, int width, double from, double to) {
  constexpr double weight = 1.0 / kLines;
  from = std::clamp(from, 0.0, static_cast<double>(width));
  to = std::clamp(to, 0.0, static_cast<double>(width));
  if (to <= from) return;
  const int first = std::min(static_cast<int>(from), width - 1);
  const int last = std::min(static_cast<int>(to), width - 1);
  if (first == last) {
    row[first] += static_cast<float>((to - from) * weight);
    return;
  }
  row[first] += static_cast<float>((first + 1 - from) * weight);
  for (int x = first + 1; x < last; ++x) row[x] += static_cast<float>(weight);
  row[last] += static_cast<float>((to - last) * weight);
}

// Green's theorem over the polygon.
struct Moments {
  double area = 0;
  Position centroid;
};

Moments moments_of(std::span<const Point> outline) {
  Moments sum;
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const Point& a = outline[i];
    const Point& b = outline[(i + 1) % outline.size()];
    const double cross = a.x * b.y - b.x * a.y;
    sum.area += cross / 2;
    sum.centroid.x += (a.x + b.x) * cross / 6;
    sum.centroid.y += (a.y + b.y) * cross / 6;
  }
  sum.centroid.x /= sum.area;
  sum.centroid.y /= sum.area;
  sum.area = std::fabs(sum.area);
  return sum;
}

const Moments& kept_moments(Shape shape) {
  static const std::array<Moments, kShapes.size()> all = [] {
    std::array<Moments, kShapes.size()> moments;
    for (Shape each : kShapes) {
      moments[static_cast<std::size_t>(each)] = moments_of(outline_of(each));
    }
    return moments;
  }();
  return all[static_cast<std::size_t>(shape)];
}

}  // namespace

Coverage coverage_of(Shape shape, double center_x, double center_y, double half_side,
                     int picture_width, int picture_height) {
  const auto lower = [&](double edge, int limit) {
    return std::clamp(static_cast<int>(std::floor(edge)), 0, limit);
  };
  const auto upper = [&](double edge, int limit) {
    return std::clamp(static_cast<int>(std::ceil(edge)), 0, limit);
  };
  Coverage out;
  out.left = lower(center_x - half_side, picture_width);
  out.top = lower(center_y - half_side, picture_height);
  out.width = upper(center_x + half_side, picture_width) - out.left;
  out.height = upper(center_y + half_side, picture_height) - out.top;
  if (out.width <= 0 || out.height <= 0) return out;
  out.shares.resize(static_cast<std::size_t>(out.width) * static_cast<std::size_t>(out.height));

  // Where the lines cross the outline, line by line.
  std::vector<std::vector<double>> crossings(static_cast<std::size_t>(out.height * kLines));
  const std::span<const Point> outline = outline_of(shape);
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const auto in_window = [&](const Point& point) {
      return Point{center_x + half_side * point.x - out.left,
                   (center_y + half_side * point.y - out.top) * kLines};
    };
    Point a = in_window(outline[i]);
    Point b = in_window(outline[(i + 1) % outline.size()]);
    if (a.y > b.y) std::swap(a, b);
    // Lines lie at half numbers; an edge holds those with a.y <= y < b.y.
    const int first = std::max(static_cast<int>(std::ceil(a.y - 0.5)), 0);
    const int end = std::min(static_cast<int>(std::ceil(b.y - 0.5)), out.height * kLines);
    for (int line = first; line < end; ++line) {
      crossings[static_cast<std::size_t>(line)].push_back(a.x + (b.x - a.x) * (line + 0.5 - a.y) /
                                                                    (b.y - a.y));
    }
  }
  for (std::size_t line = 0; line < crossings.size(); ++line) {
    std::vector<double>& row = crossings[line];
    std::sort(row.begin(), row.end());
    float* shares = out.shares.data() + line / kLines * static_cast<std::size_t>(out.width);
    for (std::size_t i = 0; i + 1 < row.size(); i += 2) {
      add_span(shares, out.width, row[i], row[i + 1]);
    }
  }
  for (float& share : out.shares) share = std::min(share, 1.0f);
  return out;
}

double area_of(Shape shape) { return kept_moments(shape).area; }
Position centroid_of(Shape shape) { return kept_moments(shape).centroid; }

}  // namespace omr::scenes
