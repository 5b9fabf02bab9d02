// How far two tensors are apart.
#pragma once

#include <cstring>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace omr::nn {

inline double largest_difference(const at::Tensor& got, const at::Tensor& wanted) {
  EXPECT_EQ(got.sizes(), wanted.sizes());
  return (got.cpu().to(at::kDouble) - wanted.cpu().to(at::kDouble)).abs().max().item<double>();
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0;
}

}  // namespace omr::nn
