#include "omr/session/candidate_plan.h"

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

}  // namespace

std::uint64_t derived_seed(std::uint64_t seed, int round, int candidate) {
  const auto place =
      (static_cast<std::uint64_t>(round) << 32) | static_cast<std::uint32_t>(candidate);
  return mix(mix(seed) ^ place) >> 32;
}

std::vector<CandidateRequest> plan_candidates(const CandidatePlanInputs& inputs) {
  const double strength = inputs.strength.value_or(kDefaultStrength);
  std::vector<CandidateRequest> plan;
  for (int k = 1; k <= inputs.candidates; ++k) {
    CandidateRequest request;
    if (inputs.kept == nullptr) {
      request.seed = inputs.seed + static_cast<std::uint64_t>(k - 1);
      if (inputs.initial != nullptr) request.init = *inputs.initial;
    } else {
      const bool anchored = inputs.strength.has_value() || inputs.initial != nullptr;
      const bool same_noise = k == 1 || (k == 2 && !anchored);
      request.seed = same_noise ? inputs.kept_seed : derived_seed(inputs.seed, inputs.round, k);
      if (k > 1 || anchored) request.init = *inputs.kept;
    }
    if (request.init) request.strength = strength;
    plan.push_back(std::move(request));
  }
  return plan;
}

}  // namespace omr::session
