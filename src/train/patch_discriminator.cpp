#include "omr/train/patch_discriminator.h"

#include <algorithm>
#include <memory>
#include <string>

#include <ATen/ATen.h>

namespace omr::train {
namespace {

constexpr std::int64_t kKernel = 4;

}  // namespace

BatchNormImpl::BatchNormImpl(std::int64_t channels) {
  weight = register_parameter("weight", at::empty({channels}));
  bias = register_parameter("bias", at::empty({channels}));
}

at::Tensor BatchNormImpl::forward(const at::Tensor& x) {
  return at::batch_norm(x.to(at::kFloat), weight, bias, {}, {}, /*training=*/true,
                        /*momentum=*/0.1, /*eps=*/1e-5, at::globalContext().userEnabledCuDNN());
}

PatchDiscriminatorImpl::PatchDiscriminatorImpl(const PatchDiscriminatorConfig& config)
    : config_(config) {
  constexpr std::int64_t kMostTimes = 8;
  auto main = register_module("main", std::make_shared<torch::nn::Module>());
  int number = 0;  // among the reference's layers, activations included
  const auto add = [&](std::int64_t in, std::int64_t out, std::int64_t stride, bool normed) {
    convolutions_.push_back(main->register_module(
        std::to_string(number++), nn::Conv2d(in, out, kKernel, stride, /*padding=*/1, !normed)));
    if (normed) {
      norms_.push_back(main->register_module(std::to_string(number++), BatchNorm(out)));
    }
    ++number;
  };
  std::int64_t channels = config.ndf;
  add(3, channels, 2, false);
  for (std::int64_t n = 1; n <= config.n_layers; ++n) {
    const std::int64_t next = config.ndf * std::min(std::int64_t{1} << n, kMostTimes);
    add(channels, next, n == config.n_layers ? 1 : 2, true);
    channels = next;
  }
  add(channels, 1, 1, false);
}

at::Tensor PatchDiscriminatorImpl::forward(at::Tensor x) {
  constexpr double kSlope = 0.2;
  for (std::size_t i = 0; i + 1 < convolutions_.size(); ++i) {
    x = convolutions_[i](x);
    if (i > 0) x = norms_[i - 1](x);
    x = at::leaky_relu(x, kSlope);
  }
  return convolutions_.back()(x).to(at::kFloat);
}

std::int64_t PatchDiscriminatorImpl::smallest_size() const {
  // The two last layers, of stride 1, take one pixel each.
  return 3 * (std::int64_t{1} << config_.n_layers);
}

}  // namespace omr::train
