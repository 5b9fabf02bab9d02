// Reward feedback learning (Xu et al., arXiv 2304.05977, algorithm 1; THUDM/ImageReward, ReFL.py).
#pragma once

#include <cstdint>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace omr::train {

struct ReflSettings {
  int steps = 40;       // T: DDPM steps of a whole drawing, without guidance
  int first_step = 30;  // T1 … T2, both counted from 0: the step that is taken with gradient is
  int last_step = 39;   // drawn from these, evenly; the steps before it are taken without
  double margin = 2;    // rewards above it earn nothing more
  double scale = 1e-3;
};

// Throws Error(usage) unless 0 ≤ first ≤ last < steps.
void check_refl(const ReflSettings& settings);

// The step with gradient.
int draw_refl_step(const ReflSettings& settings, at::Generator generator);

// scale · relu(margin − reward), as the rewards' shape. Rewards are standardised.
at::Tensor refl_loss(const at::Tensor& rewards, const ReflSettings& settings);

}  // namespace omr::train
