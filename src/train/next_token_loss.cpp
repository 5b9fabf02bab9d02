#include "omr/train/next_token_loss.h"

#include <ATen/ATen.h>

namespace omr::train {

NextTokenLoss next_token_loss(const at::Tensor& logits, const at::Tensor& labels) {
  const std::int64_t length = labels.size(1);
  const at::Tensor wanted = labels.narrow(1, 1, length - 1).reshape({-1});
  const at::Tensor counted = wanted.ne(kIgnoredLabel).nonzero().squeeze(1);
  const at::Tensor targets = wanted.index_select(0, counted);
  // Only rows that count are widened to fp32: most of a record is its question.
  const at::Tensor rows = logits.narrow(1, 0, length - 1)
                              .reshape({-1, logits.size(2)})
                              .index_select(0, counted)
                              .to(at::kFloat);
  NextTokenLoss out;
  out.tokens = counted.size(0);
  out.sum = at::cross_entropy_loss(rows, targets, {}, at::Reduction::Sum);
  out.correct = rows.detach().argmax(1).eq(targets).sum().item<double>();
  return out;
}

}  // namespace omr::train
