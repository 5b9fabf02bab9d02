#include "omr/session/rewards.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "omr/core/error.h"

namespace omr::session {
namespace {

constexpr double kMaxAdvantage = 2.0;

void require_finite(const CandidateRewards& rewards, std::size_t index) {
  for (const double value : {rewards.div, rewards.cons, rewards.mi, rewards.pref}) {
    if (!std::isfinite(value)) {
      throw Error(ErrorKind::mismatch, "the reward model's score of candidate " +
                                           std::to_string(index + 1) +
                                           " is not a finite number; its weights may be damaged");
    }
  }
}

// How far `term` puts candidate `chosen` above the mean of the others.
double advantage(const std::vector<CandidateRewards>& rewards, std::size_t chosen,
                 double CandidateRewards::*term) {
  double rest = 0;
  for (std::size_t k = 0; k < rewards.size(); ++k) {
    if (k != chosen) rest += rewards[k].*term;
  }
  rest /= static_cast<double>(rewards.size() - 1);
  return std::clamp(rewards[chosen].*term - rest, -kMaxAdvantage, kMaxAdvantage);
}

}  // namespace

double cosine(const Embedding& a, const Embedding& b) {
  if (a.size() != b.size()) {
    throw Error(ErrorKind::mismatch, "embeddings of " + std::to_string(a.size()) + " and " +
                                         std::to_string(b.size()) + " numbers cannot be compared");
  }
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double diversity(const std::vector<Embedding>& images) {
  const std::vector<double> shares = diversity_shares(images);
  double sum = 0;
  for (const double share : shares) sum += share;
  return shares.empty() ? 0.0 : sum / static_cast<double>(shares.size());
}

std::vector<double> diversity_shares(const std::vector<Embedding>& images) {
  std::vector<double> shares(images.size(), 0.0);
  if (images.size() < 2) return shares;
  for (std::size_t i = 0; i < images.size(); ++i) {
    for (std::size_t j = i + 1; j < images.size(); ++j) {
      const double distance = 1 - cosine(images[i], images[j]);
      shares[i] += distance;
      shares[j] += distance;
    }
  }
  for (double& share : shares) share /= static_cast<double>(images.size() - 1);
  return shares;
}

double mutual_information(const Embedding& image, const Embedding& prompt,
                          const std::vector<Embedding>& contrasts, double scale) {
  const double own = scale * cosine(prompt, image);
  std::vector<double> logits = {own};
  for (const Embedding& contrast : contrasts) logits.push_back(scale * cosine(contrast, image));
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  return own - largest - std::log(sum);
}

Applicable applicable(const RewardInputs& inputs) {
  return {!inputs.images.empty(), inputs.images.size() >= 2, inputs.kept.has_value(),
          !inputs.contrasts.empty()};
}

std::vector<CandidateRewards> raw_rewards(const RewardInputs& inputs) {
  const Applicable which = applicable(inputs);
  const std::vector<double> shares = diversity_shares(inputs.images);
  std::vector<CandidateRewards> rewards;
  for (std::size_t k = 0; k < inputs.images.size(); ++k) {
    const Embedding& image = inputs.images[k];
    CandidateRewards raw;
    raw.pref = inputs.preferences.empty() ? inputs.logit_scale * cosine(inputs.prompt, image)
                                          : inputs.preferences.at(k);
    if (which.div) raw.div = shares[k];
    if (which.cons) raw.cons = cosine(image, *inputs.kept);
    if (which.mi) {
      raw.mi = mutual_information(image, inputs.prompt, inputs.contrasts, inputs.logit_scale);
    }
    require_finite(raw, k);
    rewards.push_back(raw);
  }
  return rewards;
}

void add_to(RewardStatistics& seen, const std::vector<CandidateRewards>& raw,
            const Applicable& which) {
  for (const CandidateRewards& rewards : raw) {
    if (which.pref) seen.pref.add(rewards.pref);
    if (which.div) seen.div.add(rewards.div);
    if (which.cons) seen.cons.add(rewards.cons);
    if (which.mi) seen.mi.add(rewards.mi);
  }
}

std::vector<CandidateRewards> total_rewards(const std::vector<CandidateRewards>& raw,
                                            const Applicable& which,
                                            const RewardReferences& references,
                                            const RewardStatistics& seen, const RewardTerms& lambda,
                                            const RewardTerms& multipliers) {
  std::vector<CandidateRewards> out;
  for (const CandidateRewards& rewards : raw) {
    CandidateRewards r;
    if (which.pref) r.pref = standardise(rewards.pref, references.pref, seen.pref);
    if (which.div) r.div = standardise(rewards.div, references.div, seen.div);
    if (which.cons) r.cons = standardise(rewards.cons, references.cons, seen.cons);
    if (which.mi) r.mi = standardise(rewards.mi, references.mi, seen.mi);
    r.total = r.pref + lambda.div * multipliers.div * r.div +
              lambda.cons * multipliers.cons * r.cons + lambda.mi * multipliers.mi * r.mi;
    out.push_back(r);
  }
  return out;
}

std::size_t best_candidate(const std::vector<CandidateRewards>& rewards) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < rewards.size(); ++k) {
    if (rewards[k].total > rewards[best].total) best = k;
  }
  return best;
}

RewardTerms learn_multipliers(const RewardTerms& multipliers,
                              const std::vector<CandidateRewards>& standardised, std::size_t chosen,
                              int sign, double learning_rate) {
  if (standardised.size() < 2 || chosen >= standardised.size()) return multipliers;
  const auto learnt = [&](double multiplier, double CandidateRewards::*term) {
    return multiplier * std::exp(sign * learning_rate * advantage(standardised, chosen, term));
  };
  const RewardTerms m = {learnt(multipliers.div, &CandidateRewards::div),
                         learnt(multipliers.cons, &CandidateRewards::cons),
                         learnt(multipliers.mi, &CandidateRewards::mi)};
  const double to_mean_one = 3 / (m.div + m.cons + m.mi);
  const auto held = [&](double value) {
    return std::clamp(value * to_mean_one, 1 / kMaxMultiplier, kMaxMultiplier);
  };
  return {held(m.div), held(m.cons), held(m.mi)};
}

}  // namespace omr::session
