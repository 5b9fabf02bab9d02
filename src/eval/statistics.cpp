#include "omr/eval/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "omr/core/error.h"
#include "omr/scenes/random.h"

namespace omr::eval {

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Interval bootstrap_interval(const std::vector<double>& values, std::uint64_t seed, int resamples) {
  if (values.size() < 2) return {mean(values), mean(values)};
  scenes::Random random(seed);
  std::vector<double> means;
  for (int r = 0; r < resamples; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += random.pick(values);
    means.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  const auto at = [&](double share) {
    return means[static_cast<std::size_t>(std::lround(share * static_cast<double>(resamples - 1)))];
  };
  return {at(0.025), at(0.975)};
}

Interval paired_interval(const std::vector<double>& a, const std::vector<double>& b,
                         std::uint64_t seed, int resamples) {
  if (a.size() != b.size()) {
    throw Error(ErrorKind::usage, "paired values of different number: " + std::to_string(a.size()) +
                                      " and " + std::to_string(b.size()));
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return bootstrap_interval(differences, seed, resamples);
}

}  // namespace omr::eval
