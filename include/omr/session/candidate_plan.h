// From which noise or latents each candidate of a round starts, and how much of the kept picture it
// may change: a named policy, so that others can be compared with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "omr/core/latents.h"
#include "omr/session/image_model.h"

namespace omr::session {

inline constexpr double kDefaultStrength = 0.75;
// Of the first candidate that redraws a part: the calls that it saves pay for finding that part.
inline constexpr double kLocalStrength = 0.8;

// What later rounds take over from the kept picture:
//   noise    the first candidate its noise, the others its latents;
//   latents  every candidate its latents, repeating as much of the schedule as the prompt changed;
//   local    some candidates its latents wherever the changed phrases do not show (EditRegion), the
//            others its noise, or nothing.
enum class KeepPolicy { noise, latents, local };

const std::vector<std::string>& keep_policy_names();
// Throws Error(usage) that lists the names.
KeepPolicy find_keep_policy(const std::string& name);

struct CandidatePlanInputs {
  int round = 1;  // its number: later rounds of other branches get other seeds
  std::uint64_t seed = 0;
  int candidates = 1;
  int steps = 20;
  std::optional<double> strength = {};  // that the user gave
  const Latents* kept = nullptr;        // of the round before; null in the first
  std::uint64_t kept_seed = 0;          // whose noise the kept picture came from
  const Latents* initial = nullptr;     // of --init-image
  KeepPolicy keep = KeepPolicy::noise;
  double changed = 1;        // share of the prompt's words that are new, in [0, 1]
  bool repeats = false;      // the same prompt and options would draw the kept picture again
  bool knows_region = true;  // which part of the picture to redraw
};

// First round: noise of seed, seed+1, …; from the initial latents where there are some.
//
// Later rounds, by policy. `noise`: the first candidate starts from the kept picture's noise again,
// for shared noise keeps the composition while the prompt changes; the second from the kept latents
// under that noise, which keeps more; the others from the kept latents with seeds derived from
// `seed`. `latents`: all from the kept latents, the first under the kept noise. `local`: whole
// under the kept noise, a part under it, a part under a derived seed, whole under a derived seed,
// and so on in turn. Without a known region `local` is `noise`.
//
// When the user gave a strength or an initial picture, all start from the kept latents. A round
// that would repeat the kept picture takes derived seeds throughout, and noise where it would have
// taken the kept noise: who is not content wants another picture. Where it speaks of nothing in
// particular (no known region) it keeps nothing at all.
//
// Each candidate takes `steps` UNet calls, the region's among them, unless the user gave a
// strength, which takes its share of the steps.
std::vector<CandidateRequest> plan_candidates(const CandidatePlanInputs& inputs);

// UNet calls that may go into finding the region: what a candidate of kLocalStrength saves.
int region_calls(int steps);

// Share of the schedule to repeat for a prompt of which a share `changed` is new: half of it for
// hardly a word, nearly all for most of the words.
double strength_of_change(double changed);

// The seed of a later candidate, 32 bits so that any tool can take it: a hash (SplitMix64) of all
// three.
std::uint64_t derived_seed(std::uint64_t seed, int round, int candidate);

}  // namespace omr::session
