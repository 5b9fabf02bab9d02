// An arm's dialogues in numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "omr/eval/dialogue_trace.h"
#include "omr/eval/statistics.h"
#include "omr/eval/value_shares.h"

namespace omr::eval {

struct RoundsSummary {
  std::size_t dialogues = 0;
  double rounds_mean = 0;  // to acceptance; who gave up counts as many rounds as they saw
  Interval rounds_ci;      // 95 %, bootstrap
  double rounds_median = 0;
  double accepted = 0;  // share of the dialogues
  Interval accepted_ci;
  std::vector<double> accepted_by_round;   // [0] after the first picture
  std::vector<double> alignment_by_round;  // share of attributes right; the accepted stay at 1
  double first_picture_right = 0;          // share of first pictures without any fault
  // Of the attributes that were right in the round before, the share now wrong; the mean over
  // dialogues of two rounds or more.
  double broken_per_round = 0;
  Interval broken_ci;
  double change_elsewhere = 0;
  std::optional<double> perceptual_change_elsewhere;  // absent where no round measured it
  double diversity = 0;
  double unet_calls_per_round = 0;
  double seconds_per_round = 0, refine_seconds = 0, generate_seconds = 0, score_seconds = 0;
  std::vector<session::CandidateRewards> rewards_by_round;  // means, standardised
  // How often each value that the targets ask for is right in the pictures: "colour red".
  ValueShares by_value;
};

// `max_rounds` of the simulated user bounds the curves. `seed` of the bootstrap.
RoundsSummary summarise(const std::vector<DialogueTrace>& dialogues, int max_rounds,
                        std::uint64_t seed);

// Rounds of each dialogue, in order: for paired comparisons of arms.
std::vector<double> rounds_of(const std::vector<DialogueTrace>& dialogues);

}  // namespace omr::eval
