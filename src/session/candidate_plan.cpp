#include "omr/session/candidate_plan.h"

#include <algorithm>
#include <cmath>

#include "omr/core/error.h"

namespace omr::session {
namespace {

// SplitMix64's mixing function (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators).
std::uint64_t mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// How a later candidate keeps the kept picture.
struct Role {
  bool latents = false;     // starts from them; else from noise
  bool local = false;       // redraws the region alone
  bool same_noise = false;  // as the kept picture came from
  double strength = 1.0;
};

Role role_of(int k, KeepPolicy keep, const CandidatePlanInputs& inputs) {
  switch (keep) {
    case KeepPolicy::noise:
      return {k > 1, false, k <= 2, k > 1 ? kDefaultStrength : 1.0};
    case KeepPolicy::latents:
      return {true, false, k == 1, strength_of_change(inputs.changed)};
    case KeepPolicy::local:
      break;
  }
  if (k == 1) return {false, false, true, 1.0};
  const bool whole_step = static_cast<int>(inputs.steps * kLocalStrength) > 0;
  if (k == 2) return {true, true, true, whole_step ? kLocalStrength : 1.0};
  const bool local = k % 4 == 3 || k % 4 == 2;
  return {local, local, false, 1.0};
}

// Steps of a schedule of which int(steps · strength) are `calls`.
int steps_for(int calls, double strength) {
  int steps = static_cast<int>(std::lround(calls / strength));
  while (static_cast<int>(steps * strength) < calls) ++steps;
  return steps;
}

CandidateRequest later_candidate(int k, const CandidatePlanInputs& inputs) {
  const bool anchored = inputs.strength.has_value() || inputs.initial != nullptr;
  const bool local = inputs.keep == KeepPolicy::local && inputs.knows_region;
  const KeepPolicy keep =
      inputs.keep == KeepPolicy::local && !local ? KeepPolicy::noise : inputs.keep;
  Role role = role_of(k, keep, inputs);
  if (anchored) {
    role.latents = true;
    role.same_noise = k == 1;
    role.strength = inputs.strength.value_or(kDefaultStrength);
  }
  CandidateRequest request;
  request.seed = role.same_noise && !inputs.repeats ? inputs.kept_seed
                                                    : derived_seed(inputs.seed, inputs.round, k);
  // Who wants another picture, of nothing in particular, wants nothing of this one.
  if (!role.latents || (inputs.repeats && !inputs.knows_region && !anchored)) return request;
  request.init = *inputs.kept;
  request.strength = role.strength;
  request.local = role.local;
  const bool pays = role.local && role.strength == kLocalStrength && !anchored;
  if (!inputs.strength && !pays) request.steps = steps_for(inputs.steps, role.strength);
  return request;
}

}  // namespace

const std::vector<std::string>& keep_policy_names() {
  static const std::vector<std::string> names = {"local", "noise", "latents"};
  return names;
}

KeepPolicy find_keep_policy(const std::string& name) {
  if (name == "local") return KeepPolicy::local;
  if (name == "noise") return KeepPolicy::noise;
  if (name == "latents") return KeepPolicy::latents;
  std::string known;
  for (const std::string& one : keep_policy_names()) known += (known.empty() ? "" : ", ") + one;
  throw Error(ErrorKind::usage,
              "there is no way \"" + name + "\" of keeping the picture; there are " + known);
}

std::uint64_t derived_seed(std::uint64_t seed, int round, int candidate) {
  const auto place =
      (static_cast<std::uint64_t>(round) << 32) | static_cast<std::uint32_t>(candidate);
  return mix(mix(seed) ^ place) >> 32;
}

int region_calls(int steps) { return steps - static_cast<int>(steps * kLocalStrength); }

double strength_of_change(double changed) {
  constexpr double kLeast = 0.5, kMost = 0.95, kGain = 1.5;
  return std::min(kMost, kLeast + kGain * changed * (kMost - kLeast));
}

std::vector<CandidateRequest> plan_candidates(const CandidatePlanInputs& inputs) {
  std::vector<CandidateRequest> plan;
  for (int k = 1; k <= inputs.candidates; ++k) {
    if (inputs.kept != nullptr) {
      plan.push_back(later_candidate(k, inputs));
      continue;
    }
    CandidateRequest request;
    request.seed = inputs.seed + static_cast<std::uint64_t>(k - 1);
    if (inputs.initial != nullptr) {
      request.init = *inputs.initial;
      request.strength = inputs.strength.value_or(kDefaultStrength);
    }
    plan.push_back(std::move(request));
  }
  return plan;
}

}  // namespace omr::session
