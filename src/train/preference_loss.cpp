#include "omr/train/preference_loss.h"

#include <cmath>

#include <ATen/ATen.h>

#include "omr/reward/clip_model.h"

namespace omr::train {

at::Tensor preference_logits(const at::Tensor& text_features, const at::Tensor& image_0_features,
                             const at::Tensor& image_1_features, const at::Tensor& logit_scale) {
  const at::Tensor texts = reward::normalize(text_features);
  const at::Tensor cosines = at::stack({(texts * reward::normalize(image_0_features)).sum(1),
                                        (texts * reward::normalize(image_1_features)).sum(1)},
                                       1);
  return cosines * logit_scale.exp();
}

at::Tensor preference_loss(const at::Tensor& logits, const at::Tensor& labels) {
  const at::Tensor tie = labels.select(1, 0).eq(labels.select(1, 1)).to(logits.scalar_type());
  return (labels * at::log_softmax(logits, 1)).sum(1).neg() + tie * std::log(0.5);
}

at::Tensor relative_logits(const at::Tensor& logits, const at::Tensor& reference_logits,
                           double beta) {
  return beta * (logits - reference_logits);
}

PairsRight pairs_right(const at::Tensor& logits, const at::Tensor& labels) {
  const at::NoGradGuard no_grad;
  const at::Tensor judged = labels.select(1, 0) - labels.select(1, 1),
                   scored = logits.select(1, 0) - logits.select(1, 1);
  return {(judged * scored).gt(0).sum().item<double>(), judged.ne(0).sum().item<double>()};
}

}  // namespace omr::train
