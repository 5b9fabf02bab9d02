#include "omr/nn/linear.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include "nn/empty_parameter.h"
#include "nn/nf4_linear.h"

namespace omr::nn {

LinearImpl::LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias)
    : in_features_(in_features), out_features_(out_features) {
  weight = register_parameter("weight", empty_parameter({out_features, in_features}));
  if (with_bias) bias = register_parameter("bias", empty_parameter({out_features}));
}

at::Tensor LinearImpl::base_weight() const {
  return nf4_ ? dequantize_nf4(*nf4_, nf4_->dtype) : weight;
}

at::Tensor LinearImpl::forward(const at::Tensor& x) {
  const auto trains = [](const LoraBranch& branch) {
    return branch.lora_A.requires_grad() || branch.lora_B.requires_grad();
  };
  const bool merge = !lora_.empty() && !nf4_ && !weight.requires_grad() &&
                     std::none_of(lora_.begin(), lora_.end(), trains);
  if (merge) {
    if (!merged_.defined()) {
      // An ordinary tensor even when made during inference: training may meet it later.
      const c10::InferenceMode ordinary(false);
      const at::NoGradGuard no_grad;
      merged_ = weight.to(at::kFloat);
      for (const LoraBranch& branch : lora_) {
        merged_ =
            merged_ + branch.scale * branch.lora_B.to(at::kFloat).mm(branch.lora_A.to(at::kFloat));
      }
      merged_ = merged_.to(weight.scalar_type());
    }
    return at::linear(x, merged_, bias);
  }
  at::Tensor y;
  if (!nf4_) {
    y = at::linear(x, weight, bias);
  } else if (x.requires_grad() && at::GradMode::is_enabled() &&
             !(bias.defined() && bias.requires_grad())) {
    y = nf4_linear(x, *nf4_, bias);
  } else {
    y = dequantized_linear(x, *nf4_, bias);
  }
  for (const LoraBranch& branch : lora_) {
    const at::Tensor down = at::linear(x.to(branch.lora_A.scalar_type()), branch.lora_A);
    y = y + (at::linear(down, branch.lora_B) * branch.scale).to(y.scalar_type());
  }
  return y;
}

void LinearImpl::quantize_nf4() { set_nf4(nn::quantize_nf4(weight.detach())); }

void LinearImpl::set_nf4(Nf4Weight quantized) {
  nf4_ = std::move(quantized);
  merged_ = at::Tensor();
  weight = at::Tensor();
  parameters_.erase("weight");
}

void LinearImpl::to(c10::Device device, bool non_blocking) {
  torch::nn::Module::to(device, non_blocking);
  if (nf4_) nf4_ = nn::to(std::move(*nf4_), device);
  for (LoraBranch& branch : lora_) branch = nn::to(std::move(branch), device);
  merged_ = at::Tensor();
}

void LinearImpl::add_lora(LoraBranch branch) {
  lora_.push_back(std::move(branch));
  merged_ = at::Tensor();
}

void LinearImpl::clear_lora() {
  lora_.clear();
  merged_ = at::Tensor();
}

}  // namespace omr::nn
