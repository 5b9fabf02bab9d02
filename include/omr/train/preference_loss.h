// Learning from pairs of pictures for one prompt, of which one was preferred. Cross-entropy over
// both scores as PickScore computes it (yuvalkirstain/PickScore,
// trainer/criterions/clip_criterion.py; arXiv 2305.01569, eq. 2): with a sure judgement, Bradley
// and Terry's −log σ(r_w − r_l). DPO (arXiv 2305.18290, eq. 7) takes the scores relative to those
// of a reference. B pairs, D features.
#pragma once

#include <ATen/core/Tensor.h>

namespace omr::train {

// exp(logit_scale) · cosines of each text with its two pictures, [B, 2]. Features [B, D] need not
// be normalised; logit_scale is the logarithm of the scale, a scalar. Gradients flow to all.
at::Tensor preference_logits(const at::Tensor& text_features, const at::Tensor& image_0_features,
                             const at::Tensor& image_1_features, const at::Tensor& logit_scale);

// −Σ_i labels_i · log softmax(logits)_i of each pair, [B]. labels [B, 2]: rows add up to 1; (½, ½)
// is a tie, whose loss is shifted by log ½ so that the best one is 0.
at::Tensor preference_loss(const at::Tensor& logits, const at::Tensor& labels);

// What DPO puts into preference_loss: beta times the difference to the reference's logits.
at::Tensor relative_logits(const at::Tensor& logits, const at::Tensor& reference_logits,
                           double beta);

// Of the pairs that are no ties, how many there are and how many are scored as they were judged.
struct PairsRight {
  double right = 0;
  double judged = 0;
};
PairsRight pairs_right(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace omr::train
