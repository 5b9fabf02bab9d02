// Figures of an experiment as its reports write them.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "omr/eval/statistics.h"

namespace omr::eval {

std::string fixed(double value, int digits);
std::string fixed_or_dash(const std::optional<double>& value, int digits);
std::string percent(double share);  // "12.5 %"
std::string range(const Interval& interval, int digits);
nlohmann::ordered_json pair_of(const Interval& interval);

}  // namespace omr::eval
