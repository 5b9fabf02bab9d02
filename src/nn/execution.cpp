#include "omr/nn/execution.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include "omr/core/error.h"

namespace omr::nn {
namespace {

int cuda_device_count() {
  return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
}

c10::Device resolve_device(const std::string& name) {
  const int devices = name == "cpu" ? 0 : cuda_device_count();
  if (name == "cpu" || (name == "auto" && devices == 0)) return c10::Device(c10::kCPU);
  if (name == "auto") return c10::Device(c10::kCUDA, 0);
  int index = 0;
  const bool numbered = name.starts_with("cuda:") && name.size() > 5 && name.size() <= 8 &&
                        name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (numbered) {
    index = std::stoi(name.substr(5));
  } else if (name != "cuda") {
    throw Error(ErrorKind::usage, "--device " + name + ": expected auto, cpu, cuda or cuda:N");
  }
  if (index >= devices) {
    throw Error(ErrorKind::resource,
                "--device " + name + ": PyTorch sees " + std::to_string(devices) +
                    " CUDA device(s) here; use --device cpu, or install a CUDA build of PyTorch");
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

}  // namespace

ExecutionOptions resolve_execution(const std::string& device, const std::string& dtype) {
  ExecutionOptions out;
  out.device = resolve_device(device);
  if (dtype == "auto") {
    out.dtype = out.device.is_cuda() ? c10::kHalf : c10::kFloat;
  } else if (dtype == "fp32") {
    out.dtype = c10::kFloat;
  } else if (dtype == "fp16") {
    out.dtype = c10::kHalf;
  } else if (dtype == "bf16") {
    out.dtype = c10::kBFloat16;
  } else {
    throw Error(ErrorKind::usage, "--dtype " + dtype + ": expected auto, fp32, fp16 or bf16");
  }
  return out;
}

}  // namespace omr::nn
