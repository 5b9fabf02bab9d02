// Puts rewards on one scale: each as its distance from a mean in standard deviations.
#pragma once

#include <cstdint>
#include <optional>

namespace omr::session {

// Mean and standard deviation of a raw reward over a reference set, from the pack's omr.json.
struct RewardReference {
  double mean = 0;
  double std = 1;  // > 0

  bool operator==(const RewardReference&) const = default;
};

struct RewardReferences {
  std::optional<RewardReference> pref, div, cons, mi;

  bool operator==(const RewardReferences&) const = default;
};

// Mean and spread of the values seen so far (Welford's update, so that no sum of squares cancels).
class RunningStatistics {
 public:
  void add(double value);
  std::int64_t count() const { return count_; }
  double mean() const { return mean_; }
  double std() const;  // of the population; 0 with fewer than two values

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

// One for each reward of a session; a pack's reference takes the place of any.
struct RewardStatistics {
  RunningStatistics pref, div, cons, mi;
};

// (value − mean) / std by the reference if there is one, else by `seen`, which holds `value`
// already. 0 where a spread is not yet known.
double standardise(double value, const std::optional<RewardReference>& reference,
                   const RunningStatistics& seen);

}  // namespace omr::session
