#include <algorithm>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/io/atomic_file.h"
#include "omr/io/json_file.h"
#include "omr/io/lora_file.h"
#include "omr/io/safetensors.h"

namespace omr::io {
namespace {

double alpha_of(const LoraLayer& layer) {
  return layer.alpha.value_or(static_cast<double>(layer.down.size(0)));
}

// A 1x1 convolution's A is a convolution in files, though a matrix to omr.
at::Tensor stored_down(const LoraLayer& layer) {
  return layer.pointwise ? layer.down.unsqueeze(-1).unsqueeze(-1) : layer.down;
}

// A convolution's B is a 1x1 convolution in files.
at::Tensor stored_up(const LoraLayer& layer) {
  const bool convolution = layer.down.dim() == 4 || layer.pointwise;
  return convolution ? layer.up.unsqueeze(-1).unsqueeze(-1) : layer.up;
}

// PEFT's config of one component: the most common rank and alpha, and the layers that differ.
Json peft_config(const std::vector<const LoraLayer*>& layers) {
  const auto most_common = [&](auto value_of) {
    std::map<double, int> counts;
    for (const LoraLayer* layer : layers) ++counts[value_of(*layer)];
    return std::max_element(counts.begin(), counts.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
  };
  const auto rank_of = [](const LoraLayer& layer) {
    return static_cast<double>(layer.down.size(0));
  };
  const double rank = most_common(rank_of), alpha = most_common(alpha_of);
  Json ranks = Json::object(), alphas = Json::object(), modules = Json::array();
  for (const LoraLayer* layer : layers) {
    modules.push_back(layer->module);
    if (rank_of(*layer) != rank) ranks[layer->module] = layer->down.size(0);
    if (alpha_of(*layer) != alpha) alphas[layer->module] = alpha_of(*layer);
  }
  return {{"r", static_cast<std::int64_t>(rank)},
          {"lora_alpha", alpha},
          {"target_modules", modules},
          {"rank_pattern", ranks},
          {"alpha_pattern", alphas}};
}

}  // namespace

void write_lora(const std::filesystem::path& path, const std::vector<LoraLayer>& layers,
                LoraKeys keys, const std::map<std::string, std::string>& metadata) {
  NamedTensors tensors;
  std::map<std::string, std::string> all = metadata;
  std::map<std::string, std::vector<const LoraLayer*>> components;
  for (const LoraLayer& layer : layers) {
    const std::string component = layer.component.empty() ? "unet" : layer.component;
    components[component].push_back(&layer);
    if (keys == LoraKeys::peft) {
      const std::string name = component + "." + layer.module;
      tensors.emplace_back(name + ".lora_A.weight", stored_down(layer));
      tensors.emplace_back(name + ".lora_B.weight", stored_up(layer));
      continue;
    }
    std::string name = (component == "unet" ? "lora_unet_" : "lora_te_");
    // kohya's names know the text encoder's outermost module, which PEFT's may leave out.
    if (component == "text_encoder" && !layer.module.starts_with("text_model.")) {
      name += "text_model.";
    }
    name += layer.module;
    std::replace(name.begin(), name.end(), '.', '_');
    tensors.emplace_back(name + ".lora_down.weight", stored_down(layer));
    tensors.emplace_back(name + ".lora_up.weight", stored_up(layer));
    tensors.emplace_back(name + ".alpha", at::scalar_tensor(alpha_of(layer), at::kFloat));
  }
  if (keys == LoraKeys::peft) {
    Json config = Json::object();
    for (const auto& [component, members] : components) {
      const Json own = peft_config(members);  // outlives the loop over its items
      for (const auto& [key, value] : own.items()) config[component + "." + key] = value;
    }
    all["lora_adapter_metadata"] = config.dump();
    all.try_emplace("format", "pt");
  }
  write_safetensors(path, tensors, all);
}

void write_peft_adapter(const std::filesystem::path& folder, const std::vector<LoraLayer>& layers,
                        const std::string& base_model) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) {
    throw Error(ErrorKind::io,
                "cannot create the folder " + folder.string() + ": " + code.message());
  }
  NamedTensors tensors;
  std::vector<const LoraLayer*> members;
  for (const LoraLayer& layer : layers) {
    members.push_back(&layer);
    const std::string name = "base_model.model." + layer.module;
    tensors.emplace_back(name + ".lora_A.weight", stored_down(layer));
    tensors.emplace_back(name + ".lora_B.weight", stored_up(layer));
  }
  Json config = peft_config(members);
  config["peft_type"] = "LORA";
  config["task_type"] = nullptr;
  config["base_model_name_or_path"] = base_model;
  config["bias"] = "none";
  config["fan_in_fan_out"] = false;
  config["inference_mode"] = true;
  config["init_lora_weights"] = true;
  config["lora_dropout"] = 0.0;
  config["modules_to_save"] = nullptr;
  config["use_dora"] = false;
  config["use_rslora"] = false;
  write_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  write_atomically(folder / "adapter_config.json", config.dump(2) + "\n");
}

}  // namespace omr::io
