#include "scenes/coverage.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

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

// Where the lines of a window cross an outline, from left to right.
class Crossings {
 public:
  // Centre and half side in pixels from the window's corner.
  Crossings(std::span<const Point> outline, double center_x, double center_y, double half_side,
            int lines)
      : begins_(static_cast<std::size_t>(lines) + 2) {
    std::vector<Point> points;
    for (const Point& point : outline) {
      points.push_back({center_x + half_side * point.x, (center_y + half_side * point.y) * kLines});
    }
    for_each(points, lines,
             [&](int line, double) { ++begins_[static_cast<std::size_t>(line) + 2]; });
    for (std::size_t i = 2; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
    columns_.resize(begins_.back());
    // Afterwards begins_[line + 1] is where the line's crossings end.
    for_each(points, lines, [&](int line, double x) {
      columns_[begins_[static_cast<std::size_t>(line) + 1]++] = x;
    });
    for (std::size_t i = 0; i + 1 < begins_.size() - 1; ++i) {
      std::sort(columns_.begin() + static_cast<std::ptrdiff_t>(begins_[i]),
                columns_.begin() + static_cast<std::ptrdiff_t>(begins_[i + 1]));
    }
  }

  std::span<const double> of_line(int line) const {
    const std::size_t begin = begins_[static_cast<std::size_t>(line)];
    return std::span(columns_).subspan(begin, begins_[static_cast<std::size_t>(line) + 1] - begin);
  }

 private:
  template <class Visit>
  static void for_each(const std::vector<Point>& points, int lines, Visit visit) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      Point a = points[i];
      Point b = points[(i + 1) % points.size()];
      if (a.y > b.y) std::swap(a, b);
      // Lines lie at half numbers; an edge holds those with a.y <= y < b.y.
      const int first = std::max(static_cast<int>(std::ceil(a.y - 0.5)), 0);
      const int end = std::min(static_cast<int>(std::ceil(b.y - 0.5)), lines);
      const double slope = first < end ? (b.x - a.x) / (b.y - a.y) : 0.0;
      for (int line = first; line < end; ++line) visit(line, a.x + slope * (line + 0.5 - a.y));
    }
  }

  std::vector<std::size_t> begins_;
  std::vector<double> columns_;
};

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

  const Crossings crossings(outline_of(shape), center_x - out.left, center_y - out.top, half_side,
                            out.height * kLines);
  for (int line = 0; line < out.height * kLines; ++line) {
    float* row = out.shares.data() + static_cast<std::ptrdiff_t>(line / kLines) * out.width;
    const std::span<const double> at = crossings.of_line(line);
    for (std::size_t i = 0; i + 1 < at.size(); i += 2) add_span(row, out.width, at[i], at[i + 1]);
  }
  for (float& share : out.shares) share = std::min(share, 1.0f);
  return out;
}

double area_of(Shape shape) { return kept_moments(shape).area; }
Position centroid_of(Shape shape) { return kept_moments(shape).centroid; }

}  // namespace omr::scenes
