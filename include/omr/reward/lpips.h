// LPIPS, the perceptual distance of two pictures (Zhang et al., arXiv 1801.03924): distances of
// VGG16's features, channel by channel weighted by what people find different. Version 0.1 of the
// PyPI package `lpips` (lpips/lpips.py, pretrained_networks.py) with net='vgg'.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "omr/nn/conv2d.h"
#include "omr/nn/execution.h"

namespace omr::reward {

// Convolutions of one level of VGG16 and their ReLUs. `first` is the first one's number among
// torchvision's vgg16().features, by which the checkpoint names it.
class VggSliceImpl : public torch::nn::Module {
 public:
  VggSliceImpl(std::int64_t in_channels, std::int64_t out_channels, int convolutions, int first);
  at::Tensor forward(at::Tensor x);  // [B, in, H, W] -> [B, out, H, W]

 private:
  std::vector<nn::Conv2d> convolutions_;
};
TORCH_MODULE(VggSlice);

// VGG16 up to relu5_3; between slices the picture halves.
class Vgg16FeaturesImpl : public torch::nn::Module {
 public:
  static constexpr std::array<std::int64_t, 5> kChannels = {64, 128, 256, 512, 512};

  Vgg16FeaturesImpl();
  // [B, 3, H, W], normalised -> relu1_2, relu2_2, relu3_3, relu4_3, relu5_3.
  std::vector<at::Tensor> forward(at::Tensor x);

 private:
  std::vector<VggSlice> slices_;
};
TORCH_MODULE(Vgg16Features);

class LpipsImpl : public torch::nn::Module {
 public:
  // Pixels along a side: below it nothing is left of the picture at VGG16's last level.
  static constexpr std::int64_t kSmallest = 16;

  LpipsImpl();
  // a, b [B, 3, H, W] in [-1, 1] -> [B] fp32. Gradients flow to both. Throws Error(usage) for
  // pictures below kSmallest.
  at::Tensor forward(const at::Tensor& a, const at::Tensor& b);

 private:
  Vgg16Features net{nullptr};
  std::vector<nn::Conv2d> lin_;
};
TORCH_MODULE(Lpips);

// `file` is a safetensors file with the tensors of lpips.LPIPS(net='vgg').state_dict(); the copies
// under "lins." and the constants of "scaling_layer." may be absent. Gradients of the weights are
// off. Throws Error(mismatch) for another network's file, and as io::Weights::open and
// nn::load_weights do.
Lpips load_lpips(const std::filesystem::path& file, const nn::ExecutionOptions& execution);

}  // namespace omr::reward
