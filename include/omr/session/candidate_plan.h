// From which noise or latents each candidate of a round starts: a policy of its own, so that
// another can be tried.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "omr/core/latents.h"
#include "omr/session/image_model.h"

namespace omr::session {

inline constexpr double kDefaultStrength = 0.75;

struct CandidatePlanInputs {
  int round = 1;  // its number: later rounds of other branches get other seeds
  std::uint64_t seed = 0;
  int candidates = 1;
  std::optional<double> strength = {};  // that the user gave
  const Latents* kept = nullptr;        // of the round before; null in the first
  std::uint64_t kept_seed = 0;          // whose noise the kept picture came from
  const Latents* initial = nullptr;     // of --init-image
};

// First round: noise of seed, seed+1, …; from the initial latents where there are some.
//
// Later rounds: the first candidate starts from the kept picture's noise again, for shared noise
// keeps the composition while the prompt changes; the second from the kept latents under that
// noise, which keeps more; the others from the kept latents with seeds derived from `seed`. When
// the user gave a strength or an initial picture, the first starts from the kept latents too, and
// the second takes a derived seed.
std::vector<CandidateRequest> plan_candidates(const CandidatePlanInputs& inputs);

// The seed of a later candidate, 32 bits so that any tool can take it: a hash (SplitMix64) of all
// three.
std::uint64_t derived_seed(std::uint64_t seed, int round, int candidate);

}  // namespace omr::session
