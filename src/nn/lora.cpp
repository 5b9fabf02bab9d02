#include "omr/nn/lora.h"

#include <algorithm>
#include <map>
#include <utility>

#include "omr/core/error.h"
#include "omr/nn/conv2d.h"
#include "omr/nn/linear.h"

namespace omr::nn {
namespace {

// A layer that adapters go on: one of the two.
struct Slot {
  LinearImpl* linear = nullptr;
  Conv2dImpl* conv = nullptr;

  // [out, in] or [out, in, k, k].
  std::vector<std::int64_t> shape() const {
    if (linear != nullptr) return {linear->out_features(), linear->in_features()};
    return conv->weight.sizes().vec();
  }
  at::Device device() const { return linear != nullptr ? linear->device() : conv->weight.device(); }
  void add(LoraBranch branch) const {
    linear != nullptr ? linear->add_lora(std::move(branch)) : conv->add_lora(std::move(branch));
  }
};

// The shape of the weight that the pair of halves adds up to, 1x1 kernels left out.
std::vector<std::int64_t> shape_of(const io::LoraLayer& layer) {
  std::vector<std::int64_t> out = layer.down.sizes().vec();
  out.front() = layer.up.size(0);
  return out;
}

std::vector<std::int64_t> without_ones(std::vector<std::int64_t> shape) {
  while (shape.size() > 2 && shape.back() == 1) shape.pop_back();
  return shape;
}

std::string describe(const std::vector<std::int64_t>& shape) {
  std::string out = std::to_string(shape[1]) + " to " + std::to_string(shape[0]) + " features";
  if (shape.size() == 4) {
    out += " by " + std::to_string(shape[2]) + "x" + std::to_string(shape[3]) + " kernels";
  }
  return out;
}

// The family that a text encoder of this width belongs to.
std::string family_of(std::int64_t width) {
  if (width == 768) return " (Stable Diffusion 1.x)";
  if (width == 1024) return " (Stable Diffusion 2.x)";
  if (width == 2048) return " (SDXL)";
  return "";
}

[[noreturn]] void refuse_shape(const io::LoraFile& file, const io::LoraLayer& layer,
                               const std::vector<std::int64_t>& expected) {
  const std::vector<std::int64_t> found = shape_of(layer);
  std::string message = "the LoRA " + file.path.string() + " is for another model: its layer " +
                        layer.module + " maps " + describe(found) + ", this model's maps " +
                        describe(expected);
  // What tells the model families apart: the keys and values of cross attention, and the text
  // encoder.
  const bool cross = layer.module.find("attn2.to_k") != std::string::npos ||
                     layer.module.find("attn2.to_v") != std::string::npos ||
                     layer.module.find("attn2_to_k") != std::string::npos ||
                     layer.module.find("attn2_to_v") != std::string::npos;
  if (cross || layer.component == "text_encoder") {
    message += "; it was trained with a text encoder " + std::to_string(found[1]) + " wide" +
               family_of(found[1]) + ", this one is " + std::to_string(expected[1]) + " wide" +
               family_of(expected[1]);
  }
  throw Error(ErrorKind::mismatch, message);
}

}  // namespace

LoraBranch to(LoraBranch branch, c10::Device device) {
  branch.lora_A = branch.lora_A.to(device);
  branch.lora_B = branch.lora_B.to(device);
  return branch;
}

LoraReport& LoraReport::operator+=(const LoraReport& other) {
  applied += other.applied;
  total += other.total;
  skipped.insert(skipped.end(), other.skipped.begin(), other.skipped.end());
  return *this;
}

LoraReport apply_lora(torch::nn::Module& module, const io::LoraFile& file,
                      const std::string& component, double weight) {
  std::map<std::string, Slot> dotted, underscored;
  for (const auto& item : module.named_modules()) {
    Slot slot;
    slot.linear = item.value()->as<LinearImpl>();
    slot.conv = item.value()->as<Conv2dImpl>();
    if (slot.linear == nullptr && slot.conv == nullptr) continue;
    dotted[item.key()] = slot;
    std::string flat = item.key();
    std::replace(flat.begin(), flat.end(), '.', '_');
    underscored[flat] = slot;
  }
  LoraReport report;
  std::vector<std::pair<Slot, LoraBranch>> branches;  // all checked before any is put on
  for (const io::LoraLayer& layer : file.layers) {
    if (layer.component != component) continue;
    report.total += 2;
    const auto& index = layer.underscored ? underscored : dotted;
    auto found = index.find(layer.module);
    // transformers 5 leaves the text encoder's outermost name off.
    if (found == index.end()) {
      found = index.find((layer.underscored ? "text_model_" : "text_model.") + layer.module);
    }
    if (found == index.end()) {
      report.skipped.push_back(layer.module);
      continue;
    }
    const Slot& slot = found->second;
    const std::vector<std::int64_t> expected = slot.shape();
    if (shape_of(layer) != without_ones(expected)) refuse_shape(file, layer, expected);
    const double rank = static_cast<double>(layer.down.size(0));
    branches.emplace_back(slot,
                          LoraBranch{file.path.string(), layer.down.to(slot.device(), at::kFloat),
                                     layer.up.to(slot.device(), at::kFloat),
                                     layer.alpha.value_or(rank) / rank * weight});
  }
  for (auto& [slot, branch] : branches) slot.add(std::move(branch));
  report.applied = branches.size() * 2;
  return report;
}

void clear_lora(torch::nn::Module& module) {
  for (const auto& item : module.named_modules()) {
    if (auto* linear = item.value()->as<LinearImpl>()) linear->clear_lora();
    if (auto* conv = item.value()->as<Conv2dImpl>()) conv->clear_lora();
  }
}

}  // namespace omr::nn
