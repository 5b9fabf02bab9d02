#include "omr/train/diffusion_dpo_loss.h"

#include <ATen/ATen.h>

namespace omr::train {

DiffusionDpoLoss diffusion_dpo_loss(const at::Tensor& errors_0, const at::Tensor& errors_1,
                                    const at::Tensor& reference_0, const at::Tensor& reference_1,
                                    const at::Tensor& label_0, double beta) {
  const at::Tensor inside =
      -0.5 * beta * ((errors_0 - errors_1) - (reference_0 - reference_1).detach());
  DiffusionDpoLoss out;
  out.losses = -(label_0 * at::log_sigmoid(inside) + (1 - label_0) * at::log_sigmoid(-inside));
  const at::Tensor agreement = (inside.detach() * (label_0 - 0.5)).sign();
  out.implicit_accuracy = (0.5 + 0.5 * agreement).mean().item<double>();
  return out;
}

}  // namespace omr::train
