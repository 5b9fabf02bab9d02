// The session's rewards (session/rewards.h) as tensors that gradients flow through. B pictures, D
// width of the reward model's space.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/session/reward_schedule.h"
#include "omr/session/reward_statistics.h"

namespace omr::train {

// What the pictures of a batch are judged by; unit vectors.
struct RewardInputs {
  at::Tensor images;                  // [B, D]
  at::Tensor preferences;             // [B]: R_pref before it is standardised
  at::Tensor prompts;                 // [B, D]
  std::vector<at::Tensor> contrasts;  // of each picture's prompt, [M, D]; M may be 0
  std::vector<at::Tensor> kept;       // [D], the picture of the round before; undefined: none
  std::vector<std::uint64_t> groups;  // pictures of one group are candidates of one round
  std::vector<int> rounds;            // t
  double logit_scale = 1;
};

// [B] each; a reward that says nothing of a picture (a lone candidate, no picture before, no
// contrast) is 0, also standardised. In raw_terms `total` is not set.
struct RewardTermTensors {
  at::Tensor pref, div, cons, mi, total;
};

RewardTermTensors raw_terms(const RewardInputs& inputs);

// As session::total_rewards with the multipliers at 1: (R_i − mean_i)/std_i, and R_total = R_pref +
// Σ λ_i(t)·R_i. A reward without a reference keeps its raw value.
RewardTermTensors standardised_terms(const RewardInputs& inputs, const RewardTermTensors& raw,
                                     const session::RewardReferences& references,
                                     const session::RewardSchedule& schedule);

// Which reward a run raises.
enum class RewardKind { total, pref, div, cons, mi };
// Throws Error(usage) listing the names.
RewardKind parse_reward_kind(const std::string& name);
std::string to_string(RewardKind kind);
const at::Tensor& pick(const RewardTermTensors& terms, RewardKind kind);

}  // namespace omr::train
