// Curves as inline SVG: rewards over rounds, losses over steps.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "omr/report/html.h"

namespace omr::report {

struct LineSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y, with x ascending
};

struct LineChart {
  std::string title;               // below the chart
  std::string x_label;             // "round", "step"
  std::vector<LineSeries> series;  // at most 6 are told apart by colour
};

// A figure with axes, grid lines at round numbers and a legend when there are several series.
// Points that are not finite are left out; a series of more than 400 points is drawn as means of
// neighbours, which also calms it. Empty without any point.
Html line_chart(const LineChart& chart);

}  // namespace omr::report
