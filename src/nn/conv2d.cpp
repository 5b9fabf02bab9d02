#include "omr/nn/conv2d.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "nn/empty_parameter.h"

namespace omr::nn {

Conv2dImpl::Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels,
                       std::int64_t kernel_size, std::int64_t stride, std::int64_t padding,
                       bool with_bias)
    : stride_(stride), padding_(padding) {
  weight = register_parameter(
      "weight", empty_parameter({out_channels, in_channels, kernel_size, kernel_size}));
  if (with_bias) bias = register_parameter("bias", empty_parameter({out_channels}));
}

at::Tensor Conv2dImpl::forward(const at::Tensor& x) {
  if (lora_.empty()) return at::conv2d(x, weight, bias, stride_, padding_);
  const bool trains =
      weight.requires_grad() || std::any_of(lora_.begin(), lora_.end(), [](const LoraBranch& b) {
        return b.lora_A.requires_grad() || b.lora_B.requires_grad();
      });
  if (!trains) {
    if (!merged_.defined()) {
      // An ordinary tensor even when made during inference: training may meet it later.
      const c10::InferenceMode ordinary(false);
      const at::NoGradGuard no_grad;
      at::Tensor sum = weight.to(at::kFloat);
      for (const LoraBranch& branch : lora_) {
        const at::Tensor delta =
            branch.lora_B.to(at::kFloat).mm(branch.lora_A.to(at::kFloat).flatten(1));
        sum = sum + branch.scale * delta.view(weight.sizes());
      }
      merged_ = sum.to(weight.scalar_type());
    }
    return at::conv2d(x, merged_, bias, stride_, padding_);
  }
  at::Tensor y = at::conv2d(x, weight, bias, stride_, padding_);
  for (const LoraBranch& branch : lora_) {
    const at::Tensor a =
        branch.lora_A.dim() == 4 ? branch.lora_A : branch.lora_A.unsqueeze(-1).unsqueeze(-1);
    const at::Tensor down = at::conv2d(x.to(a.scalar_type()), a, {}, stride_, padding_);
    const at::Tensor up = at::conv2d(down, branch.lora_B.unsqueeze(-1).unsqueeze(-1));
    y = y + (up * branch.scale).to(y.scalar_type());
  }
  return y;
}

void Conv2dImpl::to(c10::Device device, bool non_blocking) {
  torch::nn::Module::to(device, non_blocking);
  for (LoraBranch& branch : lora_) branch = nn::to(std::move(branch), device);
  merged_ = at::Tensor();
}

void Conv2dImpl::add_lora(LoraBranch branch) {
  lora_.push_back(std::move(branch));
  merged_ = at::Tensor();
}

void Conv2dImpl::clear_lora() {
  lora_.clear();
  merged_ = at::Tensor();
}

}  // namespace omr::nn
