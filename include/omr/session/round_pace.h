// Steps, candidates and strength that let a round fit a time budget, from what earlier rounds took.
#pragma once

#include <optional>

#include "omr/session/state.h"

namespace omr::session {

// What UNet calls and the rest of a round cost here.
struct RoundCost {
  double seconds_per_call = 0;  // one picture, one step, its share of decoding included
  double other_seconds = 0;     // refining, scoring, files
};

// From the current branch's last round that says both; nullopt when there is none.
std::optional<RoundCost> measured_cost(const SessionState& state);

struct RoundPace {
  int steps = 1;
  int candidates = 1;
  std::optional<double> strength;  // only where the steps alone do not fit

  bool operator==(const RoundPace&) const = default;
};

// The settings' steps and candidates where they fit into `seconds`. Else fewer steps, down to
// kFewestSteps; then fewer candidates, down to one; then a lower strength, down to kLeastStrength,
// when there is a kept picture to start from; then fewer steps still. At least one.
inline constexpr int kFewestSteps = 8;
inline constexpr double kLeastStrength = 0.5;
RoundPace fit_pace(const Settings& settings, double seconds, const RoundCost& cost, bool kept);

}  // namespace omr::session
