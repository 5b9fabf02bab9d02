#include "omr/train/process_group.h"

#include <cstdlib>
#include <string>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {

struct ProcessGroup::Link {};

ProcessGroup::ProcessGroup() = default;
ProcessGroup::~ProcessGroup() = default;
ProcessGroup::ProcessGroup(ProcessGroup&&) noexcept = default;
ProcessGroup& ProcessGroup::operator=(ProcessGroup&&) noexcept = default;

ProcessGroup ProcessGroup::from_environment(c10::Device device) { return ProcessGroup(); }
void ProcessGroup::all_reduce(const std::vector<at::Tensor>& tensors) {}
double ProcessGroup::all_reduce(double value) { return value; }
void ProcessGroup::broadcast(const std::vector<at::Tensor>& tensors) {}

std::int64_t local_rank() { return 0; }

}  // namespace omr::train
