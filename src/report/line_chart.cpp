#include "omr/report/line_chart.h"

#include <algorithm>
#include <cmath>

namespace omr::report {
namespace {

constexpr double kWidth = 720, kHeight = 220, kLeft = 64, kRight = 12, kTop = 10, kBottom = 34;
constexpr std::size_t kMaxPoints = 400;
constexpr std::size_t kColours = 6;  // --c0 to --c5 of the page's style

using Points = std::vector<std::pair<double, double>>;

Points drawable(const Points& points) {
  Points finite;
  for (const auto& [x, y] : points) {
    if (std::isfinite(x) && std::isfinite(y)) finite.emplace_back(x, y);
  }
  if (finite.size() <= kMaxPoints) return finite;
  Points means;
  for (std::size_t i = 0; i < kMaxPoints; ++i) {
    const std::size_t begin = i * finite.size() / kMaxPoints;
    const std::size_t end = (i + 1) * finite.size() / kMaxPoints;
    double x = 0, y = 0;
    for (std::size_t j = begin; j < end; ++j) x += finite[j].first, y += finite[j].second;
    const auto count = static_cast<double>(end - begin);
    means.emplace_back(x / count, y / count);
  }
  return means;
}

// One of the axes: values from low to high, drawn between two pixels.
struct Axis {
  double low = 0, high = 1, from = 0, to = 1;

  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }

  // About four round values within the range: a step of 1, 2 or 5 times a power of ten.
  std::vector<double> ticks() const {
    const double rough = (high - low) / 4;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double share = rough / power;
    const double step = power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
    std::vector<double> out;
    for (double i = std::ceil(low / step); i * step <= high + step * 1e-9; ++i) {
      out.push_back(i * step);
    }
    return out;
  }
};

// A range of no extent is widened, so that a constant curve runs through the middle.
void widen(Axis& axis) {
  if (axis.high > axis.low) return;
  const double room = axis.low == 0 ? 1 : std::abs(axis.low) * 0.1;
  axis.low -= room;
  axis.high += room;
}

std::string px(double value) { return number_text(value, 6); }

Html label(double x, double y, const char* anchor, const std::string& text) {
  return element("text", text, {{"x", px(x)}, {"y", px(y)}, {"text-anchor", anchor}});
}

Html grid(const Axis& x, const Axis& y, const std::string& x_label) {
  Html out;
  for (const double value : y.ticks()) {
    const std::string at = px(y.at(value));
    out += void_element(
        "line", {{"class", "grid"}, {"x1", px(x.from)}, {"x2", px(x.to)}, {"y1", at}, {"y2", at}});
    out += label(x.from - 6, y.at(value) + 4, "end", number_text(value));
  }
  for (const double value : x.ticks()) {
    out += label(x.at(value), y.from + 14, "middle", number_text(value, 6));
  }
  out += label((x.from + x.to) / 2, y.from + 29, "middle", x_label);
  out += void_element("rect", {{"class", "frame"},
                               {"x", px(x.from)},
                               {"y", px(y.to)},
                               {"width", px(x.to - x.from)},
                               {"height", px(y.from - y.to)}});
  return out;
}

std::string colour(std::size_t series) { return "c" + std::to_string(series % kColours); }

Html curve(const Points& points, std::size_t series, const Axis& x, const Axis& y) {
  std::string path;
  for (const auto& [at, value] : points) {
    path += (path.empty() ? "M" : "L") + px(x.at(at)) + " " + px(y.at(value));
  }
  if (points.size() == 1) path += "h0.01";  // a dot
  return void_element(
      "path", {{"class", "curve " + colour(series)}, {"d", path}, {"stroke-linecap", "round"}});
}

}  // namespace

Html line_chart(const LineChart& chart) {
  std::vector<Points> curves;
  Axis x{INFINITY, -INFINITY, kLeft, kWidth - kRight};
  Axis y{INFINITY, -INFINITY, kHeight - kBottom, kTop};
  for (const LineSeries& series : chart.series) {
    curves.push_back(drawable(series.points));
    for (const auto& [at, value] : curves.back()) {
      x.low = std::min(x.low, at), x.high = std::max(x.high, at);
      y.low = std::min(y.low, value), y.high = std::max(y.high, value);
    }
  }
  if (!(x.low <= x.high)) return {};
  widen(x);
  widen(y);

  Html drawing = grid(x, y, chart.x_label);
  double legend = kLeft + 10;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    drawing += curve(curves[i], i, x, y);
    if (curves.size() == 1) continue;
    const std::string at = px(kTop + 12);
    drawing += void_element("line", {{"class", "curve " + colour(i)},
                                     {"x1", px(legend)},
                                     {"x2", px(legend + 16)},
                                     {"y1", at},
                                     {"y2", at}});
    drawing += label(legend + 20, kTop + 16, "start", chart.series[i].name);
    legend += 40 + 6.5 * static_cast<double>(chart.series[i].name.size());
  }
  Html content = element("svg", drawing,
                         {{"viewBox", "0 0 " + px(kWidth) + " " + px(kHeight)}, {"role", "img"}});
  content += element("figcaption", chart.title);
  return element("figure", content);
}

}  // namespace omr::report
