// Scaled dot-product attention over heads.
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace omr::nn {

// q [B, N, heads*D], k and v [B, S, kv_heads*D] -> [B, N, heads*D]. With fewer key/value heads than
// heads each serves a group (GQA). `mask` is undefined, or additive and broadcastable to
// [B, heads, N, S]; `causal` masks the future (N == S). Scale 1/sqrt(D).
at::Tensor multi_head_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                std::int64_t heads, const at::Tensor& mask = {},
                                bool causal = false);

}  // namespace omr::nn
