// LoRA adapters as files write them: which layer, which half, which alpha; by the key styles of
// diffusers (old `.lora.down/up`, attention processors), PEFT (`lora_A/lora_B`, with or without an
// adapter name) and kohya (`lora_unet_…`, `lora_te_…` with `lora_down/lora_up` and `.alpha`).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace omr::io {

struct LoraLayer {
  std::string component;  // "unet", "text_encoder", or "" where the key names none (PEFT adapters)
  std::string module;     // dotted path below the component; kohya's stays underscored
  bool underscored = false;
  at::Tensor down;              // lora_A: [rank, in], of a real convolution [rank, in, k, k]
  at::Tensor up;                // lora_B: [out, rank]
  std::optional<double> alpha;  // absent means alpha = rank
  bool pointwise = false;       // of a 1x1 convolution: files write the halves with 1x1 kernels
};

struct LoraFile {
  std::filesystem::path path;
  std::vector<LoraLayer> layers;
  std::vector<std::string> unread;  // tensors that are no pair of low-rank halves
  std::size_t tensors = 0;          // all tensors but the alphas
  std::string keys = {};            // whose key style: "kohya", "PEFT", …; several are listed
};

// "36 layers of rank 4, 8".
std::string describe(const LoraFile& lora);

// Opens one safetensors file. Alpha comes from its tensors, or from the metadata that diffusers
// saves
// (`lora_adapter_metadata`). Throws Error(io), Error(format); Error(mismatch) when a half of a pair
// is missing or its rank disagrees, and for what is no plain LoRA (LoHa, LoKr, DoRA, SDXL's).
LoraFile read_lora(const std::filesystem::path& path);

// Opens a PEFT folder: adapter_config.json (r, lora_alpha, rank_pattern, alpha_pattern, use_rslora)
// and adapter_model.safetensors. Throws also Error(mismatch) for variants that omr does not compute
// (DoRA, trained biases).
LoraFile read_peft_adapter(const std::filesystem::path& folder);

// Key styles that files are written in: kohya's, which every tool reads, and PEFT's below `unet.`
// and `text_encoder.`, as diffusers saves it (alphas in its metadata).
enum class LoraKeys { kohya, peft };

// Writes layers whose modules are dotted paths; the file appears whole or not at all. Throws
// Error(io).
void write_lora(const std::filesystem::path& path, const std::vector<LoraLayer>& layers,
                LoraKeys keys, const std::map<std::string, std::string>& metadata = {});

// Writes a PEFT folder (adapter_config.json, adapter_model.safetensors) of one model's layers,
// whose components are left out. `base_model` stands in the config for the reader. Throws
// Error(io).
void write_peft_adapter(const std::filesystem::path& folder, const std::vector<LoraLayer>& layers,
                        const std::string& base_model);

}  // namespace omr::io
