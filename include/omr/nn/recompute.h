// Gradient checkpointing (Chen et al., arXiv 1604.06174; torch/utils/checkpoint.py): a layer keeps
// its inputs alone, and what its backward pass needs is computed again there. A third more work,
// for memory that no longer grows with what a layer holds inside.
#pragma once

#include <functional>

#include <ATen/core/Tensor.h>

namespace omr::nn {

// While one that is active lives, layers that know of it recompute, on this thread.
class Recomputation {
 public:
  explicit Recomputation(bool active);
  ~Recomputation();
  Recomputation(const Recomputation&) = delete;
  Recomputation& operator=(const Recomputation&) = delete;

 private:
  bool before_;
};

using Layer = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& other)>;

// layer(x, other), which must give the same when it is called again; `other` may be undefined. It
// is kept until the backward pass: it must own what it captures. Gradients flow to x, to other and
// to the parameters inside. Recomputes only where gradients are wanted of x or other.
at::Tensor recomputed(const Layer& layer, const at::Tensor& x, const at::Tensor& other = {});

}  // namespace omr::nn
