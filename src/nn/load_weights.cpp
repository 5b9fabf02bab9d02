#include "omr/nn/load_weights.h"

#include <set>
#include <sstream>
#include <vector>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::nn {
namespace {

// Buffers that old files carry and that follow from the config.
bool is_derived_buffer(const std::string& name) {
  return name.ends_with("position_ids") || name.ends_with("rotary_emb.inv_freq");
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream out;
  out << shape;
  return out.str();
}

// At most a handful of names: a wrong file would otherwise print hundreds.
void list(std::ostringstream& out, const char* heading, const std::vector<std::string>& names) {
  if (names.empty()) return;
  constexpr std::size_t kShown = 4;
  out << "; " << names.size() << ' ' << heading << ": ";
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i)
    out << (i == 0 ? "" : ", ") << names[i];
  if (names.size() > kShown) out << ", …";
}

}  // namespace

void load_weights(torch::nn::Module& module, const io::Weights& weights, const std::string& part,
                  const ExecutionOptions& execution) {
  const at::NoGradGuard no_grad;
  std::vector<std::string> missing, unexpected, misshaped;
  std::set<std::string> wanted;
  auto parameters = module.named_parameters();
  for (auto& item : parameters) {
    wanted.insert(item.key());
    if (!weights.contains(item.key())) {
      missing.push_back(item.key());
      continue;
    }
    const io::TensorInfo& info = weights.info(item.key());
    if (at::IntArrayRef(info.shape) != item.value().sizes()) {
      misshaped.push_back(item.key() + " is " + shape_text(info.shape) + ", expected " +
                          shape_text(item.value().sizes()));
    } else if (!at::isFloatingType(info.dtype)) {
      misshaped.push_back(item.key() + " is " + c10::toString(info.dtype) +
                          ", expected floating point");
    }
  }
  for (const std::string& name : weights.names()) {
    if (!wanted.contains(name) && !is_derived_buffer(name)) unexpected.push_back(name);
  }
  if (!missing.empty() || !unexpected.empty() || !misshaped.empty()) {
    std::ostringstream message;
    message << weights.where() << " does not fit the " << part << " that its config describes";
    list(message, "missing", missing);
    list(message, "unexpected", unexpected);
    list(message, "of another shape", misshaped);
    throw Error(ErrorKind::mismatch, message.str());
  }
  for (auto& item : parameters) {
    const at::Tensor tensor = weights.tensor(item.key());
    item.value().set_data(tensor.to(execution.device, execution.dtype));
    item.value().requires_grad_(false);
  }
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace omr::nn
