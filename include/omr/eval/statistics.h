// Means with their uncertainty.
#pragma once

#include <cstdint>
#include <vector>

namespace omr::eval {

struct Interval {
  double low = 0;
  double high = 0;
};

// 0 for no values.
double mean(const std::vector<double>& values);
double median(std::vector<double> values);

// The percentile bootstrap's 95 % interval of the mean (Efron and Tibshirani, An Introduction to
// the Bootstrap, ch. 13): `resamples` sets of as many values drawn with replacement. The same
// values and seed give the same interval. Both ends are the value itself for fewer than two values.
Interval bootstrap_interval(const std::vector<double>& values, std::uint64_t seed,
                            int resamples = 2000);

// Of the mean of a[i] − b[i]: paired, for two arms that met the same targets. Throws Error(usage)
// for different lengths.
Interval paired_interval(const std::vector<double>& a, const std::vector<double>& b,
                         std::uint64_t seed, int resamples = 2000);

}  // namespace omr::eval
