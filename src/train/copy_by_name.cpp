#include "train/copy_by_name.h"

#include <map>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {

void copy_by_name(const NamedParameters& values, const NamedParameters& parameters) {
  const at::NoGradGuard no_grad;
  const std::map<std::string, at::Tensor> by_name(values.begin(), values.end());
  for (const auto& [name, parameter] : parameters) {
    const auto found = by_name.find(name);
    if (found == by_name.end() || found->second.sizes() != parameter.sizes()) {
      throw Error(ErrorKind::mismatch,
                  "the checkpoint keeps no value of this model's shape for " + name);
    }
    at::Tensor into = parameter;
    into.copy_(found->second);
  }
}

}  // namespace omr::train
