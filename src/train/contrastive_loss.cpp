#include "omr/train/contrastive_loss.h"

#include <ATen/ATen.h>

#include "omr/reward/clip_model.h"

namespace omr::train {

ContrastiveLoss contrastive_loss(const at::Tensor& image_features, const at::Tensor& text_features,
                                 const at::Tensor& negative_features,
                                 const at::Tensor& logit_scale) {
  const at::Tensor images = reward::normalize(image_features),
                   texts = reward::normalize(text_features);
  const at::Tensor scale = logit_scale.exp();
  const at::Tensor pairs =
      at::arange(images.size(0), images.options().dtype(at::kLong).requires_grad(false));
  const at::Tensor positive = images.matmul(texts.t()) * scale;  // [B, B], a row a picture

  ContrastiveLoss out;
  at::Tensor all = positive;
  if (negative_features.defined()) {
    const at::Tensor negative = images.matmul(reward::normalize(negative_features).t()) * scale;
    all = at::cat({positive, negative}, 1);
    if (negative.size(0) == negative.size(1)) {
      out.hard_negatives_won = positive.diagonal().gt(negative.diagonal()).to(at::kFloat).mean();
    }
  }
  out.image_to_text = at::cross_entropy_loss(all, pairs);
  out.text_to_image = at::cross_entropy_loss(positive.t(), pairs);
  out.total = (out.image_to_text + out.text_to_image) / 2;
  return out;
}

ContrastiveLoss contrastive_loss_of_pairs(const at::Tensor& image_features,
                                          const at::Tensor& text_features,
                                          const at::Tensor& logit_scale) {
  ContrastiveLoss out = contrastive_loss(image_features, text_features, {}, logit_scale);
  const at::NoGradGuard no_grad;
  const at::Tensor images = reward::normalize(image_features),
                   texts = reward::normalize(text_features);
  const at::Tensor own = (images * texts).sum(-1),
                   other = (images * texts.roll(images.size(0) / 2, 0)).sum(-1);
  out.hard_negatives_won = own.gt(other).to(at::kFloat).mean();
  return out;
}

at::Tensor fine_grained_similarity(const at::Tensor& patches, const at::Tensor& words,
                                   const at::Tensor& is_word) {
  const at::Tensor each =
      at::einsum("tnd,bpd->btnp", {reward::normalize(words), reward::normalize(patches)});
  const at::Tensor best = each.amax(-1) * is_word;  // [B, T, N]
  return best.sum(-1) / is_word.sum(-1);
}

at::Tensor fine_grained_loss(const at::Tensor& similarity) {
  constexpr double kScale = 100;
  const std::int64_t pictures = similarity.size(0);
  const at::Tensor logits = similarity * kScale;
  const at::Tensor pairs =
      at::arange(pictures, logits.options().dtype(at::kLong).requires_grad(false));
  return (at::cross_entropy_loss(logits, pairs) +
          at::cross_entropy_loss(logits.slice(1, 0, pictures).t(), pairs)) /
         2;
}

}  // namespace omr::train
