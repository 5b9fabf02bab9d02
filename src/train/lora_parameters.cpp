#include "omr/train/lora_parameters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {
namespace {

// Named so that it can be told from adapters that files brought.
constexpr const char* kTrained = "trained";

bool ends_with_module(const std::string& path, const std::string& name) {
  return path == name || path.ends_with("." + name);
}

bool lies_in_block(const std::string& path, const std::string& block) {
  return ("." + path + ".").find("." + block + ".") != std::string::npos;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

[[noreturn]] void refuse(const std::string& component, const std::string& what,
                         const std::string& example) {
  throw Error(ErrorKind::usage, "no linear layer of the " +
                                    (component.empty() ? std::string("model") : component) + " " +
                                    what + "; its layers are named like " + example);
}

}  // namespace

LoraParameters::LoraParameters(torch::nn::Module& module, const std::string& component,
                               const LoraSettings& settings, c10::Device device,
                               at::Generator generator)
    : component_(component), settings_(settings) {
  if (settings_.rank < 1)
    throw Error(ErrorKind::usage, "--rank " + std::to_string(settings_.rank) + ": at least 1");
  if (settings_.alpha == 0) settings_.alpha = static_cast<double>(settings_.rank);
  make_frozen(module, device);
  std::map<std::string, bool> names_met, blocks_met;
  for (const std::string& name : settings_.target_modules) names_met[name] = false;
  for (const std::string& block : settings_.blocks) blocks_met[block] = false;
  std::string example = "none: it has no linears";
  for (const auto& item : module.named_modules()) {
    auto linear = std::dynamic_pointer_cast<nn::LinearImpl>(item.value());
    if (!linear) continue;
    example = item.key();
    bool named = false, placed = settings_.blocks.empty();
    for (auto& [name, met] : names_met) {
      if (!ends_with_module(item.key(), name)) continue;
      named = met = true;
    }
    for (auto& [block, met] : blocks_met) {
      if (!lies_in_block(item.key(), block)) continue;
      placed = met = true;
    }
    if (named && placed) slots_.push_back({item.key(), std::move(linear), {}, {}});
  }
  for (const auto& [name, met] : names_met) {
    if (!met) refuse(component_, "is called " + name, example);
  }
  for (const auto& [block, met] : blocks_met) {
    if (!met) refuse(component_, "lies in " + block, example);
  }
  if (slots_.empty()) {
    refuse(component_,
           "is called " + listed(settings_.target_modules) +
               (settings_.blocks.empty() ? "" : " and lies in " + listed(settings_.blocks)),
           example);
  }
  const auto fp32 = at::TensorOptions().dtype(at::kFloat);
  for (Slot& slot : slots_) {
    const std::int64_t in = slot.linear->in_features(), out = slot.linear->out_features();
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    at::Tensor a = at::empty({settings_.rank, in}, fp32).uniform_(-bound, bound, generator);
    slot.branch = {kTrained, a.to(device).requires_grad_(true),
                   at::zeros({out, settings_.rank}, fp32.device(device)).requires_grad_(true),
                   settings_.alpha / static_cast<double>(settings_.rank)};
    slot.linear->add_lora(slot.branch);
    slot.all = slot.linear->lora();
  }
}

NamedParameters LoraParameters::parameters() const {
  NamedParameters out;
  const std::string prefix = component_.empty() ? "" : component_ + ".";
  for (const Slot& slot : slots_) {
    out.emplace_back(prefix + slot.path + ".lora_A.weight", slot.branch.lora_A);
    out.emplace_back(prefix + slot.path + ".lora_B.weight", slot.branch.lora_B);
  }
  return out;
}

void LoraParameters::set_enabled(bool enabled) {
  if (enabled == enabled_) return;
  enabled_ = enabled;
  for (const Slot& slot : slots_) {
    slot.linear->clear_lora();
    for (const nn::LoraBranch& branch : slot.all) {
      if (enabled || branch.adapter != kTrained) slot.linear->add_lora(branch);
    }
  }
}

void LoraParameters::load(const io::LoraFile& file) {
  const at::NoGradGuard no_grad;
  const auto refuse_layer = [&](const std::string& what) {
    throw Error(ErrorKind::mismatch, "the adapter " + file.path.string() +
                                         " is not of the layers, rank and alpha that are to be "
                                         "trained: " +
                                         what);
  };
  std::size_t taken = 0;
  for (Slot& slot : slots_) {
    const auto is_it = [&](const io::LoraLayer& layer) {
      if (layer.component != component_) return false;
      std::string path = slot.path;
      if (layer.underscored) std::replace(path.begin(), path.end(), '.', '_');
      // transformers 5 leaves the text encoder's outermost name off.
      return layer.module == path ||
             (layer.underscored ? "text_model_" : "text_model.") + layer.module == path;
    };
    const auto found = std::find_if(file.layers.begin(), file.layers.end(), is_it);
    if (found == file.layers.end()) refuse_layer("it lacks " + slot.path);
    if (found->down.sizes() != slot.branch.lora_A.sizes() ||
        found->up.sizes() != slot.branch.lora_B.sizes()) {
      refuse_layer(slot.path + " has rank " + std::to_string(found->down.size(0)) + ", expected " +
                   std::to_string(settings_.rank));
    }
    if (found->alpha.value_or(static_cast<double>(found->down.size(0))) != settings_.alpha) {
      refuse_layer(slot.path + " has alpha " +
                   std::to_string(found->alpha.value_or(static_cast<double>(found->down.size(0)))) +
                   ", expected " + std::to_string(settings_.alpha));
    }
    slot.branch.lora_A.copy_(found->down);
    slot.branch.lora_B.copy_(found->up);
    ++taken;
  }
  const auto own = [&](const io::LoraLayer& layer) { return layer.component == component_; };
  const auto all =
      static_cast<std::size_t>(std::count_if(file.layers.begin(), file.layers.end(), own));
  if (all != taken)
    refuse_layer("it has " + std::to_string(all) + " layers, expected " + std::to_string(taken));
}

std::vector<io::LoraLayer> LoraParameters::layers() const {
  std::vector<io::LoraLayer> out;
  const auto stored = [](const at::Tensor& half) {
    return half.detach().to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  };
  for (const Slot& slot : slots_) {
    out.push_back({component_, slot.path, false, stored(slot.branch.lora_A),
                   stored(slot.branch.lora_B), settings_.alpha});
  }
  return out;
}

}  // namespace omr::train
