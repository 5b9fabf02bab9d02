#include "omr/train/learning_rate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "omr/core/error.h"

namespace omr::train {

double LearningRate::at(std::int64_t step, std::int64_t steps) const {
  if (step < warmup_steps)
    return peak * static_cast<double>(step) / static_cast<double>(warmup_steps);
  if (shape == LearningRateShape::constant) return peak;
  const double begin =
      std::max(static_cast<double>(warmup_steps), cosine_from * static_cast<double>(steps));
  const double length = std::max(1.0, static_cast<double>(steps) - begin);
  const double progress = std::clamp((static_cast<double>(step) - begin) / length, 0.0, 1.0);
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

void parse_learning_rate_shape(const std::string& text, LearningRate& rate) {
  if (text == "constant") {
    rate.shape = LearningRateShape::constant;
    return;
  }
  const std::string with_start = "cosine:";
  double from = 0;
  bool good = text == "cosine";
  if (text.starts_with(with_start)) {
    const char* begin = text.data() + with_start.size();
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(begin, end, from);
    good = result.ec == std::errc() && result.ptr == end && from >= 0 && from < 1;
  }
  if (!good) {
    throw Error(ErrorKind::usage, "--lr-schedule " + text +
                                      ": expected constant, cosine, or cosine:S with S in [0, 1)");
  }
  rate.shape = LearningRateShape::cosine;
  rate.cosine_from = from;
}

}  // namespace omr::train
