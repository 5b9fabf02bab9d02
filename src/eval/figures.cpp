#include "eval/figures.h"

#include <cstdio>

namespace omr::eval {

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string fixed_or_dash(const std::optional<double>& value, int digits) {
  return value ? fixed(*value, digits) : "-";
}

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

std::string range(const Interval& interval, int digits) {
  return fixed(interval.low, digits) + " to " + fixed(interval.high, digits);
}

nlohmann::ordered_json pair_of(const Interval& interval) {
  return nlohmann::ordered_json::array({interval.low, interval.high});
}

}  // namespace omr::eval
