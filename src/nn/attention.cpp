#include "omr/nn/attention.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace omr::nn {

at::Tensor multi_head_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                std::int64_t heads, const at::Tensor& mask, bool causal) {
  const std::int64_t batch = q.size(0);
  const std::int64_t head_dim = q.size(-1) / heads;
  const auto split = [&](const at::Tensor& x) {
    return x.view({batch, x.size(1), -1, head_dim}).transpose(1, 2);
  };
  const at::Tensor keys = split(k);
  const bool grouped = keys.size(1) != heads;
  const at::Tensor out =
      scaled_dot_product_attention(split(q), keys, split(v), mask, causal, grouped);
  return out.transpose(1, 2).reshape({batch, q.size(1), heads * head_dim});
}

at::Tensor scaled_dot_product_attention(const at::Tensor& q, const at::Tensor& k,
                                        const at::Tensor& v, const at::Tensor& mask, bool causal,
                                        bool grouped) {
  const auto attend = [&](const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                          const at::Tensor& bias) {
    return at::scaled_dot_product_attention(
        query, key, value, bias.defined() ? std::optional(bias) : std::nullopt,
        /*dropout_p=*/0.0, causal, /*scale=*/std::nullopt, grouped);
  };
  const bool wants_gradient =
      at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  const bool narrowed =
      q.scalar_type() == at::kBFloat16 || at::autocast::is_autocast_enabled(at::kCPU);
  if (!q.is_cpu() || !wants_gradient || !narrowed) return attend(q, k, v, mask);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::DispatchKey::AutocastCPU);
  return attend(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat),
                mask.defined() && mask.is_floating_point() ? mask.to(at::kFloat) : mask)
      .to(q.scalar_type());
}

}  // namespace omr::nn
