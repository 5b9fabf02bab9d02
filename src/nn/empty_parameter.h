// The memory of a layer's parameters until their values come.
#pragma once

#include <ATen/core/Tensor.h>

namespace omr::nn {

// An fp32 tensor on the CPU that is not initialised, and takes memory only where it is written:
// load_weights() puts the file's tensor in its place, and training fills it. at::empty would touch
// the beginning of every block, for which a kernel with transparent huge pages clears 2 MiB each.
at::Tensor empty_parameter(at::IntArrayRef sizes);

}  // namespace omr::nn
