#include "omr/nn/attention.h"

#include <ATen/ATen.h>

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
  const at::Tensor out = at::scaled_dot_product_attention(
      split(q), keys, split(v), mask.defined() ? std::optional(mask) : std::nullopt,
      /*dropout_p=*/0.0, causal, /*scale=*/std::nullopt, /*enable_gqa=*/grouped);
  return out.transpose(1, 2).reshape({batch, q.size(1), heads * head_dim});
}

}  // namespace omr::nn
