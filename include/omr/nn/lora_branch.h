// One adapter on one layer: y += scale · B(A(x)). LoRA, arXiv 2106.09685, eq. 3.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace omr::nn {

struct LoraBranch {
  std::string adapter;  // whose it is
  at::Tensor lora_A;    // [rank, in]; on a convolution [rank, in, k, k], or [rank, in] where k is 1
  at::Tensor lora_B;    // [out, rank]
  double scale = 1.0;   // alpha / rank, times the user's weight
};

// The same on another device.
LoraBranch to(LoraBranch branch, c10::Device device);

}  // namespace omr::nn
