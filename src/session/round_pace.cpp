#include "omr/session/round_pace.h"

#include <algorithm>
#include <cmath>

namespace omr::session {
namespace {

constexpr double kMargin = 0.9;  // of the budget: no two rounds take the same time

double seconds_of(const RoundRecord& record, const char* part) {
  const auto found = record.seconds.find(part);
  return found == record.seconds.end() ? 0 : found->second;
}

}  // namespace

std::optional<RoundCost> measured_cost(const SessionState& state) {
  for (int number = state.current(); number != 0; number = state.round(number).record.parent) {
    const RoundRecord& record = state.round(number).record;
    const double generate = seconds_of(record, "generate");
    if (record.unet_calls == 0 || !(generate > 0)) continue;
    return RoundCost{generate / static_cast<double>(record.unet_calls),
                     std::max(0.0, seconds_of(record, "total") - generate)};
  }
  return std::nullopt;
}

RoundPace fit_pace(const Settings& settings, double seconds, const RoundCost& cost, bool kept) {
  RoundPace pace{settings.steps, settings.candidates, std::nullopt};
  const double left = std::max(0.0, seconds * kMargin - cost.other_seconds);
  const double most = static_cast<double>(kMaxSteps) * kMaxCandidates;
  const int calls = cost.seconds_per_call > 0
                        ? static_cast<int>(std::min(most, std::floor(left / cost.seconds_per_call)))
                        : static_cast<int>(most);
  const int fewest = std::min(kFewestSteps, settings.steps);
  pace.candidates = std::clamp(calls / fewest, 1, settings.candidates);
  pace.steps = std::clamp(calls / pace.candidates, 1, settings.steps);
  if (pace.steps >= fewest || !kept) return pace;
  const double strength = static_cast<double>(pace.steps) / fewest;
  if (strength < kLeastStrength) {
    pace.strength = kLeastStrength;
    pace.steps = std::max(static_cast<int>(std::ceil(1 / kLeastStrength)),
                          static_cast<int>(std::floor(pace.steps / kLeastStrength)));
  } else {
    pace.strength = strength;
    pace.steps = fewest;
  }
  return pace;
}

}  // namespace omr::session
