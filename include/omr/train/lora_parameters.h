// Fresh LoRA adapters as the trained parameters of a run (arXiv 2106.09685; PEFT
// tuners/lora/layer.py): on chosen Linear layers of any module, over a base that stays frozen,
// dense or NF4 (QLoRA, arXiv 2305.14314).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include "omr/io/lora_file.h"
#include "omr/nn/linear.h"
#include "omr/train/parameters.h"

namespace omr::train {

struct LoraSettings {
  std::int64_t rank = 8;
  double alpha = 0;  // the adapter counts alpha/rank; 0: alpha = rank
  // A layer is chosen when its dotted path ends with one of these ("to_q", "to_out.0", or a whole
  // path), as PEFT's target_modules.
  std::vector<std::string> target_modules = {};
  // … and has one of these among its parts ("up_blocks", "up_blocks.1", "layers.3"); empty:
  // everywhere.
  std::vector<std::string> blocks = {};
};

// The linears of attention in UNets and in CLIP's towers.
inline const std::vector<std::string> kUNetAttention = {"to_q", "to_k", "to_v", "to_out.0"};
inline const std::vector<std::string> kClipAttention = {"q_proj", "k_proj", "v_proj", "out_proj"};

class LoraParameters {
 public:
  // Freezes `module`, moves it to `device` and puts an adapter on every chosen layer, beside those
  // that it carries already: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt(5)), B zero, so that
  // the outputs are the base's until the first update. `component` ("unet", "text_encoder"; "" for
  // other models) begins the parameters' names. Throws Error(usage) when a name or a block fits no
  // layer, and for a rank below 1.
  LoraParameters(torch::nn::Module& module, const std::string& component,
                 const LoraSettings& settings, c10::Device device, at::Generator generator);

  // fp32 leaves, A then B of each layer, in the module's order: for ParameterGroup.
  NamedParameters parameters() const;

  // The reference model: without this adapter. Others stay on.
  void set_enabled(bool enabled);
  bool enabled() const { return enabled_; }
  // Off while it lives.
  class Off {
   public:
    explicit Off(LoraParameters& lora) : lora_(lora) { lora_.set_enabled(false); }
    ~Off() { lora_.set_enabled(true); }
    Off(const Off&) = delete;
    Off& operator=(const Off&) = delete;

   private:
    LoraParameters& lora_;
  };

  // Begins where an adapter of the same layers and rank stands; its alpha must be this one's.
  // Throws Error(mismatch).
  void load(const io::LoraFile& file);

  // The adapter as files hold it, a copy in fp32 on the CPU. For io::write_lora and
  // io::write_peft_adapter.
  std::vector<io::LoraLayer> layers() const;

  const LoraSettings& settings() const { return settings_; }

 private:
  struct Slot {
    std::string path;
    std::shared_ptr<nn::LinearImpl> linear;
    nn::LoraBranch branch;
    std::vector<nn::LoraBranch> all;  // that the layer carries, this one among them
  };
  std::string component_;
  LoraSettings settings_;
  std::vector<Slot> slots_;
  bool enabled_ = true;
};

}  // namespace omr::train
