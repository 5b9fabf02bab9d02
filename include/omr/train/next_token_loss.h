// Cross entropy of the next token, over labelled positions only (ForCausalLMLoss in transformers
// loss/loss_utils.py).
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace omr::train {

// Positions with this label do not count.
inline constexpr std::int64_t kIgnoredLabel = -100;

struct NextTokenLoss {
  at::Tensor sum;           // scalar, fp32, over the counted tokens
  std::int64_t tokens = 0;  // that count
  double correct = 0;       // of these, predicted by the largest logit
};

// logits [B, T, V]; labels int64 [B, T], unshifted: position t is judged by labels[t + 1].
NextTokenLoss next_token_loss(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace omr::train
