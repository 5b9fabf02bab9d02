// What happened in one simulated dialogue, picture by picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "omr/scenes/comparison.h"
#include "omr/scenes/scene.h"
#include "omr/session/rewards.h"

namespace omr::eval {

struct RoundTrace {
  std::string feedback;  // that led to the picture; empty in the first round
  std::string prompt;
  scenes::Comparison comparison;  // of the kept picture with the target
  int held = 0;                   // attributes that were right in the round before
  int broken = 0;                 // of these, wrong now
  // Root mean square difference in [0, 1] from the kept picture before, outside the objects and the
  // background that had something wrong. None in the first round and where nothing was left to see.
  std::optional<double> change_elsewhere;
  // Likewise the perceptual distance, if one was given.
  std::optional<double> perceptual_change_elsewhere;
  double diversity = 0;               // R_div of the round's candidates, raw
  session::CandidateRewards rewards;  // of the kept candidate, standardised
  double seconds = 0;
  double refine_seconds = 0;
  double generate_seconds = 0;
  double score_seconds = 0;
  std::int64_t unet_calls = 0;  // one a picture and step; guidance's two halves count once
};

struct DialogueTrace {
  std::uint64_t index = 0;  // of the user
  scenes::Scene target;
  std::vector<RoundTrace> rounds;
  bool accepted = false;
  bool wrong_feedback = false;  // some of the feedback asked for something not wanted
};

// Attributes of `before` that were right, and how many of them `now` are wrong. Both compare with
// the same target.
struct Kept {
  int held = 0;
  int broken = 0;
};
Kept kept_attributes(const scenes::Comparison& before, const scenes::Comparison& now);

}  // namespace omr::eval
