#include "omr/session/phrase_weights.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace omr::session {
namespace {

// How far each phrase falls short of the others, in σ; 0 for one without a score or peers.
std::vector<double> shortfalls(const std::vector<PhraseEvidence>& evidence, double spread) {
  std::vector<double> out(evidence.size(), 0.0);
  double sum = 0;
  int scored = 0;
  for (const PhraseEvidence& phrase : evidence) {
    if (!phrase.score) continue;
    sum += *phrase.score;
    ++scored;
  }
  if (scored < 2 || !(spread > 0)) return out;
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    if (!evidence[i].score) continue;
    const double others = (sum - *evidence[i].score) / (scored - 1);
    out[i] = (others - *evidence[i].score) / spread;
  }
  return out;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::vector<double> phrase_weights(const std::vector<PhraseEvidence>& evidence, double spread,
                                   KeptReaction kept, const PhraseWeightOptions& options) {
  const double care = kept == KeptReaction::liked      ? 0.0
                      : kept == KeptReaction::disliked ? 2.0
                                                       : 1.0;
  const std::vector<double> short_by = shortfalls(evidence, spread);
  std::vector<double> weights;
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    double weight = 1.0;
    weight +=
        options.shortfall_gain * care * std::tanh(std::max(0.0, short_by[i] - options.dead_band));
    if (evidence[i].changed) weight += options.changed_gain;
    weight += options.reaction_gain * evidence[i].reaction;
    weights.push_back(std::clamp(weight, options.w_min, options.w_max));
  }
  return weights;
}

double phrase_reaction(const std::vector<double>& preferred, const std::vector<double>& rest,
                       double spread) {
  if (preferred.empty() || rest.empty() || !(spread > 0)) return 0.0;
  return std::tanh((mean(preferred) - mean(rest)) / spread);
}

}  // namespace omr::session
