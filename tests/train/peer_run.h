// A peer's training run on a small model (tests/peers/make_train*.py), and the check that omr's is
// the same: loss to 1e-5, gradients to 1e-4, ten clipped AdamW updates to 1e-3.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/safetensors.h"
#include "omr/train/adamw.h"

namespace omr::train::peers {

// Largest difference, against the tensor's own scale: a gradient near zero is judged by its
// neighbours.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / (1e-6 + b.abs().max())).item<double>();
}

class PeerRun {
 public:
  explicit PeerRun(const std::filesystem::path& folder)
      : file_(io::SafetensorsFile::open(folder / "case.safetensors")) {}

  at::Tensor get(const std::string& name) const { return file_->tensor(name); }

  // Trains `parameters` as the peer did. `after_step` gets the number of updates done.
  void check(
      const NamedParameters& parameters, const std::function<at::Tensor()>& loss_of,
      const std::function<void(std::int64_t)>& after_step = [](std::int64_t) {}) const {
    constexpr double kLearningRate = 2e-4, kMaxGradNorm = 0.5;
    AdamW optimizer({{parameters, 1.0}}, {});
    const at::Tensor losses = get("losses"), norms = get("norms");
    double largest_gradient = 0;
    for (std::int64_t step = 0; step < losses.size(0); ++step) {
      optimizer.zero_grad();
      const at::Tensor loss = loss_of();
      loss.backward();
      const double expected = losses[step].item<double>();
      EXPECT_NEAR(loss.item<double>(), expected, (step == 0 ? 1e-5 : 1e-3) * std::abs(expected))
          << step;
      if (step == 0) {
        for (const auto& [name, parameter] : parameters) {
          largest_gradient =
              std::max(largest_gradient, parameter.grad().abs().max().item<double>());
        }
        for (const auto& [name, parameter] : parameters) {
          const at::Tensor wanted = get("grad." + name);
          // Some gradients are zero but for rounding (a key's bias: softmax does not see it).
          if (wanted.abs().max().item<double>() < 1e-6 * largest_gradient) continue;
          EXPECT_LT(difference(parameter.grad(), wanted), 1e-4) << name;
        }
      }
      const double norm = optimizer.gradient_norm();
      EXPECT_NEAR(norm, norms[step].item<double>(), 1e-3 * norm);
      optimizer.step(kLearningRate, std::max(1.0, (norm + 1e-6) / kMaxGradNorm));
      after_step(step + 1);
    }
    const at::NoGradGuard no_grad;
    for (const auto& [name, parameter] : parameters) {
      EXPECT_LT(difference(parameter, get("after." + name)), 1e-3) << name;
    }
  }

 private:
  std::shared_ptr<const io::SafetensorsFile> file_;
};

}  // namespace omr::train::peers
