// The rewards of one round, as numbers: OMR-Diffusion (arXiv 2503.17660), formulas in DESIGN.md §6.
//
// e_k [D] is the unit embedding of candidate k, u [D] of the prompt. All functions are pure.
#pragma once

#include <optional>
#include <vector>

#include "omr/session/reward_model.h"
#include "omr/session/reward_schedule.h"
#include "omr/session/reward_statistics.h"

namespace omr::session {

// Throws Error(mismatch) when the dimensions differ.
double cosine(const Embedding& a, const Embedding& b);

// R_div: the mean over pairs i<j of 1 − cos(e_i, e_j), in [0, 2]; 0 for fewer than two.
double diversity(const std::vector<Embedding>& images);
// A candidate's share of it: its mean distance to the others. Their mean is R_div.
std::vector<double> diversity_shares(const std::vector<Embedding>& images);

// R_MI(k) = log softmax_0 over j of scale·cos(u_j, e_k), u_0 the prompt and the others contrasting
// prompts: InfoNCE's lower bound on the mutual information of prompt and picture, up to log(N); ≤
// 0.
double mutual_information(const Embedding& image, const Embedding& prompt,
                          const std::vector<Embedding>& contrasts, double scale);

// One candidate's rewards. `total` is R_total of standardised rewards and 0 of raw ones.
struct CandidateRewards {
  double div = 0;
  double cons = 0;
  double mi = 0;
  double pref = 0;
  double total = 0;

  bool operator==(const CandidateRewards&) const = default;
};

struct RewardInputs {
  std::vector<Embedding> images;
  Embedding prompt;
  std::vector<Embedding> contrasts;
  std::optional<Embedding> kept;  // the picture kept in the round before; none in the first
  double logit_scale = 1;
  std::vector<double> preferences = {};  // of each picture; empty: logit_scale·cos(u, e_k)
};

// Which rewards say something in this round: div needs two candidates, cons a kept picture, mi a
// contrast, pref a reward model. One that says nothing stays 0, also standardised.
struct Applicable {
  bool pref = false;
  bool div = false;
  bool cons = false;
  bool mi = false;
};
Applicable applicable(const RewardInputs& inputs);

// div holds the candidate's share, cons cos(e_k, kept), pref scale·cos(u, e_k)
// or what the model itself says. Throws
// Error(mismatch) when a number is not finite: the reward model's weights are broken.
std::vector<CandidateRewards> raw_rewards(const RewardInputs& inputs);

// Adds the raw rewards of a round to `seen`.
void add_to(RewardStatistics& seen, const std::vector<CandidateRewards>& raw,
            const Applicable& which);

// Standardised rewards with R_total(k) = R_pref(k) + Σ_i λ_i·m_i·R_i(k). `seen` holds `raw`
// already.
std::vector<CandidateRewards> total_rewards(const std::vector<CandidateRewards>& raw,
                                            const Applicable& which,
                                            const RewardReferences& references,
                                            const RewardStatistics& seen, const RewardTerms& lambda,
                                            const RewardTerms& multipliers);

// Index of the highest total; the first of equals.
std::size_t best_candidate(const std::vector<CandidateRewards>& rewards);

// The multipliers after the user preferred (`sign` +1) or rejected (−1) candidate `chosen`: m_i ←
// m_i·exp(sign·η·a_i), a_i = R_i(chosen) − mean of R_i over the rest, within ±2; then scaled to a
// mean of 1 and held within [1/kMaxMultiplier, kMaxMultiplier]. With one candidate nothing is
// learnt.
inline constexpr double kMaxMultiplier = 4.0;
RewardTerms learn_multipliers(const RewardTerms& multipliers,
                              const std::vector<CandidateRewards>& standardised, std::size_t chosen,
                              int sign, double learning_rate);

}  // namespace omr::session
