#include "cli/bench_comparison.h"

#include <sstream>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::cli {

BenchComparison::BenchComparison(const std::filesystem::path& file) {
  std::istringstream lines(io::read_text(file));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const io::Json event = io::parse_json(line, file.string() + " line " + std::to_string(number));
    if (!event.is_object() || !event.contains("part") || !event["part"].is_string()) continue;
    const auto value = event.contains("peers") ? event["peers"] : event.value("value", io::Json());
    if (value.is_number() && value.get<double>() > 0)
      values_[event["part"].get<std::string>()] = value.get<double>();
  }
  if (values_.empty()) {
    throw Error(ErrorKind::format,
                file.string() +
                    ": no part's time is in it; expected what `omr bench --json` or "
                    "`scripts/bench-peers --json` printed");
  }
}

std::optional<double> BenchComparison::ratio(const std::string& part, double value,
                                             const std::string& unit) const {
  const auto found = values_.find(part);
  if (found == values_.end() || value <= 0) return std::nullopt;
  return unit.ends_with("/s") ? value / found->second : found->second / value;
}

}  // namespace omr::cli
