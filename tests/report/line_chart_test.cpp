#include "omr/report/line_chart.h"

#include <cmath>

#include <gtest/gtest.h>

namespace omr::report {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(LineChartTest, ACurveSpansItsFrame) {
  const std::string svg = line_chart({"loss", "step", {{"", {{0, 1}, {10, 3}}}}}).markup();
  EXPECT_NE(svg.find("M64 186L708 10"), std::string::npos) << svg;
  EXPECT_NE(svg.find(">step<"), std::string::npos);
}

TEST(LineChartTest, SeveralSeriesHaveALegend) {
  const std::string svg =
      line_chart({"λ", "round", {{"div", {{1, 1}, {2, 0}}}, {"cons<", {{1, 0}, {2, 1}}}}}).markup();
  EXPECT_NE(svg.find(">div</text>"), std::string::npos);
  EXPECT_NE(svg.find(">cons&lt;</text>"), std::string::npos);
}

TEST(LineChartTest, HostileNumbersDrawNothingStrange) {
  const std::string svg =
      line_chart({"", "", {{"", {{1, NAN}, {2, INFINITY}, {3, 5}, {4, 5}}}}}).markup();
  EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
  EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  EXPECT_TRUE(line_chart({"", "", {{"", {{1, NAN}}}}}).empty());
  EXPECT_TRUE(line_chart({"", "", {}}).empty());
  EXPECT_FALSE(line_chart({"", "", {{"", {{1, 1e300}, {2, -1e300}}}}}).empty());
}

TEST(LineChartTest, LongSeriesAreThinned) {
  LineSeries series;
  for (int i = 0; i < 100000; ++i) series.points.emplace_back(i, i % 2);
  const std::string svg = line_chart({"", "", {series}}).markup();
  EXPECT_EQ(count(svg, "L"), 399u);
}

}  // namespace
}  // namespace omr::report
