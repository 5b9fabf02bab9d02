// Times of each part that were measured before, by `omr bench --json` or for the peers by
// `scripts/bench-peers --json`, to hold this run against.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace omr::cli {

class BenchComparison {
 public:
  // Lines of JSON with `part` and `peers`, or else `value`; others are passed over, as are parts
  // without a time. Throws Error(io); Error(format) for what is no JSON, or when no part is told.
  explicit BenchComparison(const std::filesystem::path& file);

  // How many times faster `value` is: above 1, this run is. `unit` is "s" or "s/…" of times, or
  // "…/s" of speeds. nullopt for a part that the file lacks.
  std::optional<double> ratio(const std::string& part, double value, const std::string& unit) const;

 private:
  std::map<std::string, double> values_;
};

}  // namespace omr::cli
