// The discriminator that an autoencoder is trained against: it judges a picture patch by patch
// (PatchGAN, Isola et al., arXiv 1611.07004; CompVis/taming-transformers,
// taming/modules/discriminator/model.py, NLayerDiscriminator).
#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/conv2d.h"

namespace omr::train {

// BatchNorm by the batch's own statistics: a discriminator only ever trains, so that running ones,
// which a checkpoint would have to hold, are never read.
class BatchNormImpl : public torch::nn::Module {
 public:
  explicit BatchNormImpl(std::int64_t channels);
  at::Tensor forward(const at::Tensor& x);  // [B, C, H, W], computed in fp32

  at::Tensor weight, bias;
};
TORCH_MODULE(BatchNorm);

struct PatchDiscriminatorConfig {
  std::int64_t ndf = 64;      // channels of the first layer; they double up to eightfold
  std::int64_t n_layers = 3;  // that halve the picture
};

class PatchDiscriminatorImpl : public torch::nn::Module {
 public:
  explicit PatchDiscriminatorImpl(const PatchDiscriminatorConfig& config = {});

  // Pictures [B, 3, H, W] -> logits [B, 1, H', W'], above 0 for what looks real.
  at::Tensor forward(at::Tensor x);

  // Pixels along a side that leave one patch.
  std::int64_t smallest_size() const;

 private:
  PatchDiscriminatorConfig config_;
  std::vector<nn::Conv2d> convolutions_;
  std::vector<BatchNorm> norms_;  // of all convolutions but the first and the last
};
TORCH_MODULE(PatchDiscriminator);

}  // namespace omr::train
