#include "omr/nn/lora.h"

#include <algorithm>
#include <map>
#include <utility>

#include "omr/core/error.h"
#include "omr/nn/linear.h"

namespace omr::nn {
namespace {

[[noreturn]] void refuse_width(const io::LoraFile& file, const std::string& name,
                               const LinearImpl& linear, const io::LoraLayer& layer) {
  std::string message = "the LoRA " + file.path.string() + " is for another model: its layer " +
                        name + " maps " + std::to_string(layer.down.size(1)) + " to " +
                        std::to_string(layer.up.size(0)) + " features, this model's maps " +
                        std::to_string(linear.in_features()) + " to " +
                        std::to_string(linear.out_features());
  // The width of keys and values in cross attention tells the model families apart.
  if (name.find("attn2.to_k") != std::string::npos ||
      name.find("attn2.to_v") != std::string::npos ||
      name.find("attn2_to_k") != std::string::npos ||
      name.find("attn2_to_v") != std::string::npos) {
    message += " (it was trained with a " + std::to_string(layer.down.size(1)) +
               "-wide text encoder, this one is " + std::to_string(linear.in_features()) + " wide)";
  }
  throw Error(ErrorKind::mismatch, message);
}

}  // namespace

LoraReport& LoraReport::operator+=(const LoraReport& other) {
  applied += other.applied;
  total += other.total;
  skipped.insert(skipped.end(), other.skipped.begin(), other.skipped.end());
  return *this;
}

LoraReport apply_lora(torch::nn::Module& module, const io::LoraFile& file,
                      const std::string& component, double weight) {
  std::map<std::string, LinearImpl*> dotted, underscored;
  for (const auto& item : module.named_modules()) {
    if (auto* linear = item.value()->as<LinearImpl>()) {
      dotted[item.key()] = linear;
      std::string flat = item.key();
      std::replace(flat.begin(), flat.end(), '.', '_');
      underscored[flat] = linear;
    }
  }
  LoraReport report;
  std::vector<std::pair<LinearImpl*, LoraBranch>> branches;  // all checked before any is put on
  for (const io::LoraLayer& layer : file.layers) {
    if (layer.component != component) continue;
    report.total += 2;
    const auto& index = layer.underscored ? underscored : dotted;
    const auto found = index.find(layer.module);
    if (found == index.end()) {
      report.skipped.push_back(layer.module);
      continue;
    }
    LinearImpl& linear = *found->second;
    if (layer.down.size(1) != linear.in_features() || layer.up.size(0) != linear.out_features()) {
      refuse_width(file, layer.module, linear, layer);
    }
    const double rank = static_cast<double>(layer.down.size(0));
    const at::Tensor like = linear.bias.defined() ? linear.bias : linear.base_weight();
    branches.emplace_back(&linear,
                          LoraBranch{file.path.string(), layer.down.to(like.device(), at::kFloat),
                                     layer.up.to(like.device(), at::kFloat),
                                     layer.alpha.value_or(rank) / rank * weight});
  }
  for (auto& [linear, branch] : branches) linear->add_lora(std::move(branch));
  report.applied = branches.size() * 2;
  return report;
}

void clear_lora(torch::nn::Module& module) {
  for (const auto& item : module.named_modules()) {
    if (auto* linear = item.value()->as<LinearImpl>()) linear->clear_lora();
  }
}

}  // namespace omr::nn
