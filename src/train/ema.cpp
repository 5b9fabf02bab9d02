#include "omr/train/ema.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {

double EmaSettings::decay_at(std::int64_t updates) const {
  const double n = static_cast<double>(std::max<std::int64_t>(0, updates - 1));
  if (n <= 0) return 0;
  const double rising =
      power ? 1 - std::pow(1 + n / inv_gamma, -power_exponent) : (1 + n) / (10 + n);
  return std::min(rising, decay);
}

Ema::Ema(const NamedParameters& parameters, const EmaSettings& settings) : settings_(settings) {
  if (!enabled()) return;
  parameters_ = parameters;
  for (const auto& [name, parameter] : parameters_) averages_.push_back(parameter.detach().clone());
}

void Ema::update(std::int64_t updates) {
  if (!enabled()) return;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> now;
  for (const auto& [name, parameter] : parameters_) now.push_back(parameter.detach());
  at::_foreach_lerp_(averages_, now, 1 - settings_.decay_at(updates));
}

io::NamedTensors Ema::state() const {
  io::NamedTensors out;
  for (std::size_t i = 0; i < averages_.size(); ++i)
    out.emplace_back(parameters_[i].first, averages_[i]);
  return out;
}

void Ema::load_state(const io::Weights& weights) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    const std::string& name = parameters_[i].first;
    if (!weights.contains(name) ||
        at::IntArrayRef(weights.info(name).shape) != averages_[i].sizes()) {
      throw Error(ErrorKind::mismatch,
                  weights.where() + ": " + name + " is not what this run's average holds");
    }
    averages_[i].copy_(weights.tensor(name));
  }
}

void Ema::swap() {
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    const at::Tensor held = parameters_[i].second.detach();
    parameters_[i].second.set_data(averages_[i]);
    averages_[i] = held;
  }
}

Ema::Swapped::Swapped(Ema& ema) : ema_(ema) { ema_.swap(); }
Ema::Swapped::~Swapped() { ema_.swap(); }

}  // namespace omr::train
