#include "omr/reward/lpips.h"

#include <memory>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/key_map.h"
#include "omr/io/weights.h"
#include "omr/nn/load_weights.h"

namespace omr::reward {
namespace {

// ScalingLayer: ImageNet's means and deviations for pixels in [-1, 1].
constexpr std::array<float, 3> kShift = {-.030F, -.088F, -.188F};
constexpr std::array<float, 3> kScale = {.458F, .448F, .450F};

at::Tensor per_channel(const std::array<float, 3>& values, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<float>(values), like.options().dtype(at::kFloat)).view({3, 1, 1});
}

// A level of the checkpoint's names that holds one thing only.
std::shared_ptr<torch::nn::Module> level(const std::string& name,
                                         const std::shared_ptr<torch::nn::Module>& child) {
  auto out = std::make_shared<torch::nn::Module>();
  out->register_module(name, child);
  return out;
}

// Unit features at every place.
at::Tensor normalised(const at::Tensor& features) {
  constexpr double kEps = 1e-10;
  const at::Tensor wide = features.to(at::kFloat);
  return wide / (at::linalg_vector_norm(wide, 2, 1, /*keepdim=*/true) + kEps);
}

}  // namespace

VggSliceImpl::VggSliceImpl(std::int64_t in_channels, std::int64_t out_channels, int convolutions,
                           int first) {
  for (int i = 0; i < convolutions; ++i) {
    // A ReLU follows each and is numbered too.
    convolutions_.push_back(register_module(
        std::to_string(first + 2 * i), nn::Conv2d(i == 0 ? in_channels : out_channels, out_channels,
                                                  /*kernel_size=*/3, /*stride=*/1, /*padding=*/1)));
  }
}

at::Tensor VggSliceImpl::forward(at::Tensor x) {
  for (nn::Conv2d& convolution : convolutions_) x = at::relu(convolution(x));
  return x;
}

Vgg16FeaturesImpl::Vgg16FeaturesImpl() {
  constexpr std::array<int, 5> kConvolutions = {2, 2, 3, 3, 3};
  std::int64_t in_channels = 3;
  int number = 0;
  for (std::size_t i = 0; i < kChannels.size(); ++i) {
    slices_.push_back(
        register_module("slice" + std::to_string(i + 1),
                        VggSlice(in_channels, kChannels[i], kConvolutions[i], number)));
    in_channels = kChannels[i];
    number += 2 * kConvolutions[i] + 1;  // the pooling that begins the next slice
  }
}

std::vector<at::Tensor> Vgg16FeaturesImpl::forward(at::Tensor x) {
  std::vector<at::Tensor> out;
  for (VggSlice& slice : slices_) {
    out.push_back(slice(out.empty() ? x : at::max_pool2d(out.back(), 2, 2)));
  }
  return out;
}

LpipsImpl::LpipsImpl() {
  net = register_module("net", Vgg16Features());
  for (const std::int64_t channels : Vgg16FeaturesImpl::kChannels) {
    const std::string name = "lin" + std::to_string(lin_.size());
    lin_.push_back(nn::Conv2d(channels, 1, 1, 1, 0, /*bias=*/false));
    // Dropout, which has no weights, is number 0.
    register_module(name, level("model", level("1", lin_.back().ptr())));
  }
}

at::Tensor LpipsImpl::forward(const at::Tensor& a, const at::Tensor& b) {
  if (a.size(2) < kSmallest || a.size(3) < kSmallest) {
    throw Error(ErrorKind::usage, "LPIPS compares pictures of at least " +
                                      std::to_string(kSmallest) + "x" + std::to_string(kSmallest) +
                                      " pixels, these have " + std::to_string(a.size(3)) + "x" +
                                      std::to_string(a.size(2)));
  }
  const at::Tensor shift = per_channel(kShift, a), scale = per_channel(kScale, a);
  const auto features = [&](const at::Tensor& pixels) {
    const at::Tensor scaled = (pixels.to(at::kFloat) - shift) / scale;
    return net(scaled.to(lin_.front()->weight.scalar_type()));
  };
  const std::vector<at::Tensor> of_a = features(a), of_b = features(b);
  at::Tensor sum;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    const at::Tensor difference = (normalised(of_a[i]) - normalised(of_b[i])).square();
    const at::Tensor weight = lin_[i]->weight.to(at::kFloat).view({1, -1, 1, 1});
    const at::Tensor distance = (difference * weight).sum(1).mean({1, 2});
    sum = sum.defined() ? sum + distance : distance;
  }
  return sum;
}

Lpips load_lpips(const std::filesystem::path& file, const nn::ExecutionOptions& execution) {
  const io::Weights weights = io::Weights::open(file, "").renamed(io::lpips_key);
  if (!weights.contains("net.slice1.0.weight") || !weights.contains("lin0.model.1.weight")) {
    throw Error(ErrorKind::mismatch,
                weights.where() +
                    " holds no LPIPS: expected are the tensors of lpips.LPIPS(net='vgg')"
                    ".state_dict(), net.slice1.0.weight and lin0.model.1.weight among them; "
                    "docs/training.md says how to make the file");
  }
  Lpips lpips;
  nn::load_weights(*lpips, weights, "LPIPS network", execution);
  lpips->eval();
  return lpips;
}

}  // namespace omr::reward
