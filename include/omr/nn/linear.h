// y = x Wᵀ + b, the one place where a weight may be dense or NF4 and may carry LoRA adapters.
// Models say Linear and never learn which.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/lora_branch.h"
#include "omr/nn/nf4.h"

namespace omr::nn {

class LinearImpl : public torch::nn::Module {
 public:
  // The weight [out, in] and bias [out] are allocated and not initialised.
  LinearImpl(std::int64_t in_features, std::int64_t out_features, bool bias = true);

  // x [..., in] -> [..., out], in x's dtype. Gradients flow to x, to a dense weight and to
  // adapters.
  at::Tensor forward(const at::Tensor& x);

  // Moves the weight into NF4 blocks and frees the dense one.
  void quantize_nf4();
  // Takes a weight that is NF4 already (a bitsandbytes checkpoint).
  void set_nf4(Nf4Weight quantized);
  bool quantized() const { return nf4_.has_value(); }

  // NF4 blocks and adapters move too.
  using torch::nn::Module::to;
  void to(c10::Device device, bool non_blocking = false) override;

  void add_lora(LoraBranch branch);
  void clear_lora();
  const std::vector<LoraBranch>& lora() const { return lora_; }

  std::int64_t in_features() const { return in_features_; }
  std::int64_t out_features() const { return out_features_; }
  at::Device device() const { return nf4_ ? nf4_->packed.device() : weight.device(); }

  // The weight as the layer uses it: dequantised, without adapters.
  at::Tensor base_weight() const;

  at::Tensor weight;  // undefined once quantised
  at::Tensor bias;    // undefined without one

 private:
  std::int64_t in_features_;
  std::int64_t out_features_;
  std::optional<Nf4Weight> nf4_;
  std::vector<LoraBranch> lora_;
  // W + Σ scale·B·A, kept while no gradient is wanted; the base stays untouched beside it, so that
  // adapters off gives the very bits of never on.
  at::Tensor merged_;
};
TORCH_MODULE(Linear);

}  // namespace omr::nn
