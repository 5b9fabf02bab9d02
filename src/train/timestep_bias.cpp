#include "omr/train/timestep_bias.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace omr::train {

std::int64_t TimestepBias::first_biased(std::int64_t timesteps) const {
  return timesteps - static_cast<std::int64_t>(portion * static_cast<double>(timesteps));
}

std::int64_t TimestepBias::draw(std::int64_t timesteps, at::Generator& generator) const {
  if (multiplier == 1.0)
    return at::randint(timesteps, {}, generator, at::TensorOptions().dtype(at::kLong))
        .item<std::int64_t>();
  const std::int64_t first = first_biased(timesteps);
  const double mass =
      static_cast<double>(first) + multiplier * static_cast<double>(timesteps - first);
  const double place =
      mass * at::rand({}, generator, at::TensorOptions().dtype(at::kDouble)).item<double>();
  if (place < static_cast<double>(first)) return static_cast<std::int64_t>(place);
  const auto beyond = static_cast<std::int64_t>((place - static_cast<double>(first)) / multiplier);
  return std::min(first + beyond, timesteps - 1);
}

}  // namespace omr::train
