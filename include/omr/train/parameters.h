// The parameters that a run trains, by name.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

namespace omr::train {

using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

// Prepares a module for training: its parameters become fp32 leaves in memory of their own (weights
// opened from files are views of them), convolution weights channels-last, gradients on, and the
// module is in train mode. Returns them as `prefix` + name, in the module's order.
NamedParameters make_trainable(torch::nn::Module& module, c10::Device device,
                               const std::string& prefix = "");

// Moves a module that is only used: gradients off, eval mode.
void make_frozen(torch::nn::Module& module, c10::Device device);

}  // namespace omr::train
