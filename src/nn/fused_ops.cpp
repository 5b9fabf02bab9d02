#include "omr/nn/fused_ops.h"

#include <ATen/ATen.h>

#include "nn/kernel_dispatch.h"

namespace omr::nn {

at::Tensor group_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight,
                      const at::Tensor& bias, double eps, bool silu) {
  if (at::Tensor out = group_norm_kernel(x, groups, weight, bias, eps, silu); out.defined()) {
    return out;
  }
  at::Tensor normalized = at::group_norm(x, groups, weight, bias, eps);
  if (!silu) return normalized;
  // In place where no gradient will ask for what was there.
  return at::GradMode::is_enabled() ? at::silu(normalized) : at::silu_(normalized);
}

at::Tensor geglu(const at::Tensor& x) {
  if (at::Tensor out = geglu_kernel(x); out.defined()) return out;
  const auto halves = x.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

}  // namespace omr::nn
