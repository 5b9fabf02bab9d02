// Where and in what precision models run: the third kind of settings, beside architecture (config
// structs) and request (GenerationOptions).
#pragma once

#include <string>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace omr::nn {

struct ExecutionOptions {
  c10::Device device{c10::kCPU};
  c10::ScalarType dtype = c10::kFloat;  // of weights and activations
  // Weights rest on the CPU, and ModelOffload brings each model to the device while it works.
  bool offload = false;

  // Where weights are put when they are loaded.
  c10::Device home() const { return offload ? c10::Device(c10::kCPU) : device; }
};

// `device` is auto, cpu, cuda or cuda:N; auto is cuda where libtorch sees one. `dtype` is auto,
// fp32, fp16 or bf16; auto is fp16 on CUDA and fp32 on the CPU. Throws Error(usage) for another
// word, Error(resource) for a device that is not there.
ExecutionOptions resolve_execution(const std::string& device, const std::string& dtype);

}  // namespace omr::nn
