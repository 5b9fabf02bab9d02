#include "omr/train/parameters.h"

#include <ATen/ATen.h>

namespace omr::train {

NamedParameters make_trainable(torch::nn::Module& module, c10::Device device,
                               const std::string& prefix) {
  const at::NoGradGuard no_grad;
  NamedParameters out;
  for (auto& item : module.named_parameters()) {
    at::Tensor& parameter = item.value();
    const auto format =
        parameter.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    parameter.set_data(parameter.detach()
                           .to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true)
                           .contiguous(format));
    parameter.requires_grad_(true);
    out.emplace_back(prefix + item.key(), parameter);
  }
  module.train();
  return out;
}

void make_frozen(torch::nn::Module& module, c10::Device device) {
  for (at::Tensor& parameter : module.parameters()) {
    parameter.set_data(parameter.detach().to(device));
    parameter.requires_grad_(false);
  }
  module.eval();
}

}  // namespace omr::train
