#include "cli/environment.h"

#include <fstream>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "cli/models.h"
#include "cli/version.h"

namespace omr::cli {
namespace {

// Linux's name for the processor; empty where it gives none.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.compare(0, 10, "model name") == 0 && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return "";
}

}  // namespace

replay::Environment environment_of(const ModelOptions& options) {
  const nn::ExecutionOptions execution = execution_of(options);
  return {{"omr", kVersion},
          {"torch", TORCH_VERSION},
          {"cpu", processor_name() + ", " + at::get_cpu_capability()},
          {"threads", std::to_string(at::get_num_threads())},
          {"device", execution.device.str()},
          {"dtype", c10::toString(execution.dtype)}};
}

}  // namespace omr::cli
