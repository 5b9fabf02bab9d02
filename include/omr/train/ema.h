// Exponential moving average of parameters (diffusers training_utils.py, EMAModel).
#pragma once

#include <cstdint>

#include "omr/io/safetensors.h"
#include "omr/io/weights.h"
#include "omr/train/parameters.h"

namespace omr::train {

struct EmaSettings {
  double decay = 0;    // the largest; 0: no average is kept
  bool power = false;  // use_ema_warmup: 1 − (1 + n/inv_gamma)^−power; else (1 + n)/(10 + n)
  double inv_gamma = 1.0;
  double power_exponent = 2.0 / 3.0;

  // After `updates` optimiser updates (from 1).
  double decay_at(std::int64_t updates) const;
};

class Ema {
 public:
  // Begins as a copy of the parameters. Without decay it is empty and does nothing.
  Ema(const NamedParameters& parameters, const EmaSettings& settings);

  bool enabled() const { return settings_.decay > 0; }
  void update(std::int64_t updates);

  io::NamedTensors state() const;
  // Throws Error(mismatch) when names or shapes differ.
  void load_state(const io::Weights& weights);

  // While it lives, the parameters hold their average; afterwards what they held before.
  class Swapped {
   public:
    explicit Swapped(Ema& ema);
    ~Swapped();
    Swapped(const Swapped&) = delete;
    Swapped& operator=(const Swapped&) = delete;

   private:
    Ema& ema_;
  };

 private:
  void swap();
  NamedParameters parameters_;
  std::vector<at::Tensor> averages_;
  EmaSettings settings_;
};

}  // namespace omr::train
