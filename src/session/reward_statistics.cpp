#include "omr/session/reward_statistics.h"

#include <cmath>

namespace omr::session {
namespace {

// Below this a spread is rounding noise of float cosines, and dividing by it would blow that up.
constexpr double kSmallestSpread = 1e-6;

}  // namespace

void RunningStatistics::add(double value) {
  ++count_;
  const double step = value - mean_;
  mean_ += step / static_cast<double>(count_);
  squares_ += step * (value - mean_);
}

double RunningStatistics::std() const {
  return count_ < 2 ? 0.0 : std::sqrt(squares_ / static_cast<double>(count_));
}

double standardise(double value, const std::optional<RewardReference>& reference,
                   const RunningStatistics& seen) {
  if (reference) return (value - reference->mean) / reference->std;
  const double spread = seen.std();
  return spread < kSmallestSpread ? 0.0 : (value - seen.mean()) / spread;
}

}  // namespace omr::session
