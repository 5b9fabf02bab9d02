#include "train/mixed_precision.h"

#include <ATen/autocast_mode.h>
#include <ATen/cpu/Utils.h>

#include "omr/core/error.h"

namespace omr::train {

c10::ScalarType resolve_training_dtype(const std::string& name, c10::Device device) {
  if (name == "auto") return device.is_cuda() || at::cpu::init_amx() ? c10::kBFloat16 : c10::kFloat;
  if (name == "fp32") return c10::kFloat;
  if (name == "bf16") return c10::kBFloat16;
  if (name == "fp16" && device.is_cuda()) return c10::kHalf;
  throw Error(ErrorKind::usage, "--dtype " + name + ": training on " + device.str() +
                                    " takes auto, fp32 or bf16" +
                                    (device.is_cuda() ? " or fp16" : ""));
}

Autocast::Autocast(c10::Device device, c10::ScalarType dtype)
    : device_(device.type()), active_(dtype != c10::kFloat) {
  if (!active_) return;
  was_enabled_ = at::autocast::is_autocast_enabled(device_);
  previous_ = at::autocast::get_autocast_dtype(device_);
  at::autocast::set_autocast_enabled(device_, true);
  at::autocast::set_autocast_dtype(device_, dtype);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!active_) return;
  // The casts of the weights are kept for one forward pass: after it the weights change.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_dtype(device_, previous_);
  at::autocast::set_autocast_enabled(device_, was_enabled_);
}

void GradScaler::update(bool overflowed) {
  constexpr std::int64_t kGrowthInterval = 2000;
  if (!active_) return;
  if (overflowed) {
    scale_ /= 2;
    good_steps_ = 0;
  } else if (++good_steps_ == kGrowthInterval) {
    scale_ *= 2;
    good_steps_ = 0;
  }
}

void GradScaler::load_state(double scale, std::int64_t good_steps) {
  scale_ = scale;
  good_steps_ = good_steps;
}

}  // namespace omr::train
