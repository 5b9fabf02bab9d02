#include "omr/train/refl_loss.h"

#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {

void check_refl(const ReflSettings& settings) {
  if (settings.first_step >= 0 && settings.first_step <= settings.last_step &&
      settings.last_step < settings.steps) {
    return;
  }
  throw Error(ErrorKind::usage, "the steps with gradient, " + std::to_string(settings.first_step) +
                                    " to " + std::to_string(settings.last_step) +
                                    ", must lie within the " + std::to_string(settings.steps) +
                                    " steps of the drawing, counted from 0");
}

int draw_refl_step(const ReflSettings& settings, at::Generator generator) {
  return settings.first_step +
         static_cast<int>(at::randint(settings.last_step - settings.first_step + 1, {1}, generator,
                                      at::TensorOptions().dtype(at::kLong))
                              .item<std::int64_t>());
}

at::Tensor refl_loss(const at::Tensor& rewards, const ReflSettings& settings) {
  return at::relu(settings.margin - rewards) * settings.scale;
}

}  // namespace omr::train
