// How much each reward counts as the dialogue goes on: named policies λ(t).
#pragma once

#include <string>
#include <vector>

namespace omr::session {

// One number for each reward beside R_pref: factors λ_i or multipliers m_i.
struct RewardTerms {
  double div = 0;
  double cons = 0;
  double mi = 0;

  bool operator==(const RewardTerms&) const = default;
};

struct RewardSchedule {
  std::string name;
  std::string description;           // one clause, for --help
  RewardTerms (*lambda)(int round);  // t = 0 in the first round
};

// paper: λ_div = e^(−0.15t), λ_cons = 1 − e^(−0.10t), λ_MI = 0.5·(1 − e^(−0.075t)), read off the
// plot in OMR-Diffusion (arXiv 2503.17660) with an error of at most 0.004. static: the same mix in
// every round, each λ at half of the largest that the paper's reaches. paper-without-mi: λ_MI = 0.
// alignment: R_pref + 0.5·R_MI, only what the prompt says. none: R_pref alone.
const std::vector<RewardSchedule>& reward_schedules();
// For --help: "paper (OMR-Diffusion's: …), static (…), …".
std::string reward_schedules_in_words();

// Throws Error(usage) listing the names.
const RewardSchedule& find_reward_schedule(const std::string& name);

}  // namespace omr::session
