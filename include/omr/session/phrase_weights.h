// How strongly each phrase of the prompt is said to the image model.
//
// With s_p the phrase's score against the last kept picture, σ the spread of scores and
//   d_p = (mean of s_q over the other phrases − s_p) / σ     how far it falls short of the others
// the weight is
//   w_p = 1 + shortfall_gain · c · tanh(max(0, d_p − dead_band))
//           + changed_gain · [the feedback has just changed the phrase]
//           + reaction_gain · r_p
// within [w_min, w_max], where c is 1, 0 when the user liked the kept picture (what they like is
// not lacking), 2 when they disliked it; and r_p in [−1, 1] says how much better the phrase is
// shown in what they preferred than in the rest (phrase_reaction). A phrase for which nothing
// speaks has exactly 1.
#pragma once

#include <optional>
#include <vector>

namespace omr::session {

struct PhraseWeightOptions {
  double w_min = 0.8;
  double w_max = 1.4;
  double shortfall_gain = 0.08;
  double changed_gain = 0.05;
  double reaction_gain = 0.05;
  double dead_band = 0.25;  // in σ; smaller differences are noise

  bool operator==(const PhraseWeightOptions&) const = default;
};

// What is known of one phrase. No score: there is no picture yet, or no reward model.
struct PhraseEvidence {
  std::optional<double> score;
  bool changed = false;
  double reaction = 0;
};

enum class KeptReaction { none, liked, disliked };

// One weight per phrase. `spread` is σ > 0; 0 leaves the shortfall out.
std::vector<double> phrase_weights(const std::vector<PhraseEvidence>& evidence, double spread,
                                   KeptReaction kept, const PhraseWeightOptions& options);

// r_p of one phrase: tanh of (its mean score over preferred pictures − over the rest) / σ; 0 when
// either is empty. A disliked picture belongs to the rest, and all others of its round are
// preferred.
double phrase_reaction(const std::vector<double>& preferred, const std::vector<double>& rest,
                       double spread);

}  // namespace omr::session
