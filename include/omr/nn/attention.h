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

// at::scaled_dot_product_attention over [B, heads, N, D]; `grouped`: fewer key/value heads (GQA).
// Where a gradient is wanted on the CPU, bf16 (and what autocast would make bf16) is computed in
// fp32: the backward pass of PyTorch's bf16 kernel takes three to seven times as long as that of
// fp32 (measured with 2.13).
at::Tensor scaled_dot_product_attention(const at::Tensor& q, const at::Tensor& k,
                                        const at::Tensor& v, const at::Tensor& mask = {},
                                        bool causal = false, bool grouped = false);

}  // namespace omr::nn
