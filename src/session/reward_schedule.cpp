#include "omr/session/reward_schedule.h"

#include <cmath>

#include "omr/core/error.h"

namespace omr::session {
namespace {

RewardTerms paper(int t) {
  return {std::exp(-0.15 * t), 1 - std::exp(-0.10 * t), 0.5 * (1 - std::exp(-0.075 * t))};
}

RewardTerms constant(int) { return {0.5, 0.5, 0.25}; }

RewardTerms paper_without_mi(int t) { return {paper(t).div, paper(t).cons, 0}; }

RewardTerms alignment(int) { return {0, 0, 0.5}; }

RewardTerms none(int) { return {}; }

}  // namespace

const std::vector<RewardSchedule>& reward_schedules() {
  static const std::vector<RewardSchedule> all = {
      {"paper", "OMR-Diffusion's: diversity first, consistency and alignment later", paper},
      {"static", "the same mix in every round", constant},
      {"none", "preference alone", none},
      {"alignment", "preference and mutual information, the same in every round", alignment},
      {"paper-without-mi", "OMR-Diffusion's, mutual information never", paper_without_mi},
  };
  return all;
}

std::string reward_schedules_in_words() {
  std::string words;
  for (const RewardSchedule& schedule : reward_schedules())
    words += (words.empty() ? "" : ", ") + schedule.name + " (" + schedule.description + ")";
  return words;
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
