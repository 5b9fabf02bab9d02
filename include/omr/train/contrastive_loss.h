// CLIP's symmetric InfoNCE (Radford et al., arXiv 2103.00020, figure 3; clip_loss in transformers
// models/clip/modeling_clip.py) with hard negative captions (NegCLIP, arXiv 2210.01936, §4).
#pragma once

#include <ATen/core/Tensor.h>

namespace omr::train {

struct ContrastiveLoss {
  at::Tensor total;          // scalar: mean of both directions
  at::Tensor image_to_text;  // scalar, over the B captions and the M hard negatives
  at::Tensor text_to_image;  // scalar, over the B pictures
  at::Tensor
      hard_negatives_won;  // scalar: share of pictures nearer to their caption than to its negative
};

// Features need not be normalised. image and text [B, D] in pairs; negatives [M, D] or undefined: M
// = B for the last member. logit_scale: the logarithm of the scale, a scalar; gradients flow to
// all.
ContrastiveLoss contrastive_loss(const at::Tensor& image_features, const at::Tensor& text_features,
                                 const at::Tensor& negative_features,
                                 const at::Tensor& logit_scale);

// Where the negatives' pictures are known too: image and text [2B, D], sample i + B the hard
// negative of sample i and the other way round, all contrasted with all.
ContrastiveLoss contrastive_loss_of_pairs(const at::Tensor& image_features,
                                          const at::Tensor& text_features,
                                          const at::Tensor& logit_scale);

// FILIP's similarity of each picture and text (arXiv 2111.07783, eq. 4, from the text's side): the
// mean over the words of the cosine with the patch that fits best, [B, T]. patches [B, P, D], words
// [T, N, D]; is_word bool [T, N], at least one in each row.
at::Tensor fine_grained_similarity(const at::Tensor& patches, const at::Tensor& words,
                                   const at::Tensor& is_word);

// Symmetric InfoNCE over it, at a temperature of 0.01: pictures [B] against all texts [T], whose
// first B are theirs. Scalar.
at::Tensor fine_grained_loss(const at::Tensor& similarity);

}  // namespace omr::train
