#include "omr/nn/load_weights.h"

#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/nn/linear.h"

#include "nn/bitsandbytes_4bit.h"

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

using Linears = std::map<std::string, LinearImpl*>;  // by the names of their weights

Linears linears_of(const torch::nn::Module& module) {
  Linears out;
  for (const auto& item : module.named_modules()) {
    if (auto* linear = item.value()->as<LinearImpl>()) out[item.key() + ".weight"] = linear;
  }
  return out;
}

// Throws unless module and file fit; otherwise the weights that the file holds in NF4.
std::map<std::string, Nf4Weight> fitting(const torch::nn::Module& module, const Linears& linears,
                                         const io::Weights& weights, const std::string& part) {
  const auto is_packed = [&](const std::string& name) {
    return linears.contains(name) && is_bitsandbytes_4bit(weights, name);
  };
  std::vector<std::string> missing, unexpected, misshaped;
  std::set<std::string> wanted;
  const auto parameters = module.named_parameters();
  const auto expect_shape = [&](const std::string& name, at::IntArrayRef found,
                                at::IntArrayRef expected) {
    if (found == expected) return true;
    misshaped.push_back(name + " is " + shape_text(found) + ", expected " + shape_text(expected));
    return false;
  };
  std::map<std::string, Nf4Weight> packed;
  for (const auto& item : parameters) {
    const std::string& name = item.key();
    wanted.insert(name);
    if (!weights.contains(name)) {
      missing.push_back(name);
      continue;
    }
    if (is_packed(name)) {
      for (const std::string& companion : bitsandbytes_4bit_companions(weights, name)) {
        wanted.insert(companion);
      }
      Nf4Weight weight = read_bitsandbytes_4bit(weights, name);
      if (expect_shape(name, weight.shape, item.value().sizes())) {
        packed.emplace(name, std::move(weight));
      }
      continue;
    }
    const io::TensorInfo& info = weights.info(name);
    if (expect_shape(name, info.shape, item.value().sizes()) && !at::isFloatingType(info.dtype)) {
      misshaped.push_back(name + " is " + c10::toString(info.dtype) + ", expected floating point");
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
  return packed;
}

}  // namespace

void check_weights(torch::nn::Module& module, const io::Weights& weights, const std::string& part) {
  fitting(module, linears_of(module), weights, part);
}

void load_weights(torch::nn::Module& module, const io::Weights& weights, const std::string& part,
                  const ExecutionOptions& execution,
                  const std::function<bool(const std::string& linear)>& to_nf4) {
  const at::NoGradGuard no_grad;
  const Linears linears = linears_of(module);
  std::map<std::string, Nf4Weight> packed = fitting(module, linears, weights, part);
  const c10::Device home = execution.home();
  for (auto& item : module.named_parameters()) {
    const std::string& name = item.key();
    if (const auto found = packed.find(name); found != packed.end()) {
      linears.at(name)->set_nf4(nn::to(std::move(found->second), home));
      continue;
    }
    at::Tensor tensor = weights.tensor(name);
    if (tensor.scalar_type() != execution.dtype || tensor.device() != home) {
      tensor = tensor.to(home, execution.dtype);
      weights.forget(name);  // else the file's pages would count as this process's memory
    }
    if (const auto linear = linears.find(name);
        to_nf4 && linear != linears.end() && to_nf4(name.substr(0, name.rfind('.')))) {
      linear->second->set_nf4(quantize_nf4(tensor));
      continue;
    }
    // Tensor cores want convolutions channels last; activations follow the weights.
    if (execution.device.is_cuda() && tensor.dim() == 4) {
      tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
    }
    item.value().set_data(std::move(tensor));
    item.value().requires_grad_(false);
  }
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace omr::nn
