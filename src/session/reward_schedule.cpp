#include "omr/session/reward_schedule.h"

#include <cmath>

#include "omr/core/error.h"

namespace omr::session {
namespace {

RewardTerms paper(int t) {
  return {std::exp(-0.15 * t), 1 - std::exp(-0.10 * t), 0.5 * (1 - std::exp(-0.075 * t))};
}

RewardTerms constant(int) { return {0.5, 0.5, 0.25}; }

RewardTerms none(int) { return {}; }

}  // namespace

const std::vector<RewardSchedule>& reward_schedules() {
  static const std::vector<RewardSchedule> all = {
      {"paper", "OMR-Diffusion's: diversity first, consistency and alignment later", paper},
      {"static", "the same mix in every round", constant},
      {"none", "preference alone", none},
  };
  return all;
}

const RewardSchedule& find_reward_schedule(const std::string& name) {
  std::string names;
  for (const RewardSchedule& schedule : reward_schedules()) {
    if (schedule.name == name) return schedule;
    names += (names.empty() ? "" : ", ") + schedule.name;
  }
  throw Error(ErrorKind::usage, "there is no reward schedule \"" + name + "\"; there are " + names);
}

}  // namespace omr::session
