#include "omr/diffusion/attention.h"

#include <ATen/ATen.h>

#include "omr/nn/attention.h"

namespace omr::diffusion {

AttentionImpl::AttentionImpl(std::int64_t query_dim, std::int64_t cross_attention_dim,
                             std::int64_t heads, std::int64_t head_dim, bool qkv_bias, bool upcast)
    : heads_(heads), upcast_(upcast) {
  const std::int64_t inner_dim = heads * head_dim;
  to_q = register_module("to_q", nn::Linear(query_dim, inner_dim, qkv_bias));
  to_k = register_module("to_k", nn::Linear(cross_attention_dim, inner_dim, qkv_bias));
  to_v = register_module("to_v", nn::Linear(cross_attention_dim, inner_dim, qkv_bias));
  to_out_0 = nn::Linear(inner_dim, query_dim);
  register_module("to_out", torch::nn::ModuleList(to_out_0));
}

at::Tensor AttentionImpl::forward(const at::Tensor& x, const at::Tensor& context) {
  const at::Tensor& source = context.defined() ? context : x;
  at::Tensor q = to_q(x), k = to_k(source), v = to_v(source);
  if (upcast_ && q.scalar_type() != at::kFloat) {
    return to_out_0(
        nn::multi_head_attention(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), heads_)
            .to(x.scalar_type()));
  }
  return to_out_0(nn::multi_head_attention(q, k, v, heads_));
}

}  // namespace omr::diffusion
