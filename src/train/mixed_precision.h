// Half precision in training: parameters, moments and losses stay fp32, matrix products and
// convolutions run in bf16 or fp16 (Micikevicius et al., arXiv 1710.03740; torch.amp).
#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace omr::train {

// What products are computed in. Throws Error(usage) for another word than auto, fp32, bf16, fp16,
// and for fp16 on the CPU, which has no fast fp16. `auto` is bf16 on CUDA and on CPUs with AMX,
// else fp32.
c10::ScalarType resolve_training_dtype(const std::string& name, c10::Device device);

// Casts the inputs of products while it lives. Does nothing for fp32.
class Autocast {
 public:
  Autocast(c10::Device device, c10::ScalarType dtype);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  c10::DeviceType device_;
  bool active_;
  bool was_enabled_ = false;
  c10::ScalarType previous_{};
};

// Loss scaling for fp16 (torch.amp.GradScaler with its defaults): halves when a gradient
// overflowed, doubles after 2,000 updates without. For other types the scale is 1 and stays.
class GradScaler {
 public:
  explicit GradScaler(c10::ScalarType dtype)
      : scale_(dtype == c10::kHalf ? 65536.0 : 1.0), active_(dtype == c10::kHalf) {}
  double scale() const { return scale_; }
  bool active() const { return active_; }
  void update(bool overflowed);

  double state_scale() const { return scale_; }
  std::int64_t state_good_steps() const { return good_steps_; }
  void load_state(double scale, std::int64_t good_steps);

 private:
  double scale_;
  bool active_;
  std::int64_t good_steps_ = 0;
};

}  // namespace omr::train
