// Activation functions by their config names.
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace omr::nn {

enum class Activation { gelu, gelu_tanh, quick_gelu, silu, relu };

// Names as in hidden_act and act_fn ("gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "silu",
// "swish", "relu"). Throws Error(mismatch) for others, naming `where`.
Activation parse_activation(const std::string& name, const std::string& where);

at::Tensor activate(Activation activation, const at::Tensor& x);

}  // namespace omr::nn
