#include "omr/nn/model_offload.h"

#include <utility>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

namespace omr::nn {

void ModelOffload::add(const std::string& name, Move move) { moves_[name] = std::move(move); }

void ModelOffload::use(const std::string& name) {
  if (device_.is_cpu() || present_ == name) return;
  const Move& enter = moves_.at(name);
  if (const std::string leaving = std::exchange(present_, {}); !leaving.empty()) {
    moves_.at(leaving)(c10::Device(c10::kCPU));
  }
  try {
    enter(device_);
  } catch (...) {
    enter(c10::Device(c10::kCPU));  // half of it may have arrived
    throw;
  }
  present_ = name;
}

ModelOffload::Move module_move(std::shared_ptr<torch::nn::Module> module) {
  auto resting = std::make_shared<std::vector<at::Tensor>>();
  return [module = std::move(module), resting](c10::Device device) {
    // Ordinary tensors even when it happens during inference: training may meet them later.
    const c10::InferenceMode ordinary(false);
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> parameters = module->parameters();
    if (device.is_cpu()) {
      for (std::size_t i = 0; i < resting->size(); ++i) {
        // The model may have been widened while it was away.
        parameters[i].set_data((*resting)[i].to(parameters[i].scalar_type()));
      }
      resting->clear();
    } else {
      for (const at::Tensor& parameter : parameters) {
        // A tensor of its own, which set_data() on the parameter leaves alone.
        resting->push_back(parameter.detach());
      }
    }
    module->to(device);
  };
}

}  // namespace omr::nn
