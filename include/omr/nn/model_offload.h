// Models that take turns on one device (as diffusers' enable_model_cpu_offload): while one works,
// the others wait in the CPU's memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

namespace omr::nn {

class ModelOffload {
 public:
  // Brings a model to a device, or back to the CPU.
  using Move = std::function<void(c10::Device)>;

  // On a CPU nothing is ever moved.
  explicit ModelOffload(c10::Device device) : device_(device) {}

  // The model rests on the CPU, where it was loaded (ExecutionOptions::offload).
  void add(const std::string& name, Move move);

  // Afterwards `name` is on the device and every other one on the CPU. Models that are moved out go
  // before the one that comes in. When a move throws, no model counts as being on the device.
  void use(const std::string& name);

 private:
  c10::Device device_;
  std::map<std::string, Move> moves_;
  std::string present_;  // empty: none
};

// A Move of a module. Its dense parameters are kept on the CPU beside the device's copies, so that
// going out costs no transfer; what hangs on its layers (NF4 weights, adapters) moves along.
ModelOffload::Move module_move(std::shared_ptr<torch::nn::Module> module);

}  // namespace omr::nn
