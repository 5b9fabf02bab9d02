// LoRA adapters put on a module tree and taken off again; base weights are never written.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "omr/io/lora_file.h"

namespace omr::nn {

struct LoraReport {
  std::size_t applied = 0;           // tensors put on a layer
  std::size_t total = 0;             // tensors in the file that are meant for these components
  std::vector<std::string> skipped;  // layers of the file that the model lacks

  LoraReport& operator+=(const LoraReport& other);
};

// Puts the layers of `file` that are meant for `component` ("unet", "text_encoder"; "" takes the
// layers that name none) on the Linear and Conv2d layers of `module`, scaled by alpha/rank *
// weight. Layers that the model lacks are reported, not an error: the caller adds up its components
// and refuses a sum of zero. Throws Error(mismatch) when a layer has another width, in one sentence
// that says which.
LoraReport apply_lora(torch::nn::Module& module, const io::LoraFile& file,
                      const std::string& component, double weight = 1.0);

// Takes every adapter off: the outputs are those of a model that never had one, to the bit.
void clear_lora(torch::nn::Module& module);

}  // namespace omr::nn
