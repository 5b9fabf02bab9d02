// The learning rate of each step (diffusers optimization.py: constant, constant_with_warmup,
// cosine).
#pragma once

#include <cstdint>
#include <string>

namespace omr::train {

enum class LearningRateShape { constant, cosine };

struct LearningRate {
  double peak = 1e-4;
  LearningRateShape shape = LearningRateShape::constant;
  std::int64_t warmup_steps = 0;  // linear from 0
  // Share of the run after which the cosine begins; before it the rate stays at its peak.
  double cosine_from = 0.0;

  // Of step `step` (from 0) of a run of `steps`.
  double at(std::int64_t step, std::int64_t steps) const;
};

// "constant", "cosine", or "cosine:0.3" for a cosine over the last 70 %. Sets shape and
// cosine_from. Throws Error(usage).
void parse_learning_rate_shape(const std::string& text, LearningRate& rate);

}  // namespace omr::train
