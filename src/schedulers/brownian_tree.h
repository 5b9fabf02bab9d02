// One Brownian path, asked for its increments over any interval: the noise of a step is then a
// function of where the step lies, not of how many came before. The dyadic tree of torchsde's
// BrownianInterval with halfway_tree (torchsde/_brownian/brownian_interval.py; Li et al., arXiv
// 2001.01328, §4), number for number.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace omr::schedulers {

class BrownianTree {
 public:
  // A path over [start, end], start < end, of tensors of `shape`, from `seed` alone.
  BrownianTree(double start, double end, std::vector<std::int64_t> shape, std::uint64_t seed);

  // W(to) − W(from), from < to; both are clamped to the path's ends. fp32, on the CPU.
  at::Tensor increment(double from, double to) const;

 private:
  struct Node {
    double start, end;
    std::uint32_t key, depth;
    at::Tensor increment;
  };
  void collect(const Node& node, double from, double to, std::vector<at::Tensor>& parts) const;
  at::Tensor noise(std::uint32_t seed) const;

  std::vector<std::int64_t> shape_;
  std::uint64_t seed_;
  Node root_;
};

}  // namespace omr::schedulers
