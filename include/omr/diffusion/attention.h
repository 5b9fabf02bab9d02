// Attention with its projections (diffusers models/attention_processor.py, Attention).
#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/linear.h"

namespace omr::diffusion {

class AttentionImpl : public torch::nn::Module {
 public:
  // `cross_attention_dim` is the width of the context; self attention has it equal to `query_dim`.
  // `upcast` computes scores in fp32: SD 2.1 overflows fp16 without it.
  AttentionImpl(std::int64_t query_dim, std::int64_t cross_attention_dim, std::int64_t heads,
                std::int64_t head_dim, bool qkv_bias, bool upcast);

  // x [B, N, query_dim]; context [B, S, cross_attention_dim], or undefined for self attention.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& context = {});

 private:
  std::int64_t heads_;
  bool upcast_;
  nn::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr};
  nn::Linear to_out_0{nullptr};  // "to_out.0": the checkpoint's list also counts a dropout
};
TORCH_MODULE(Attention);

}  // namespace omr::diffusion
