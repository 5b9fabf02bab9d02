// A model of full size that tests/e2e/real_checkpoints_full_test.py wrote into $OMR_FULL_MODEL,
// with what diffusers computes from it.
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

namespace omr::pipeline {
namespace {

TEST(FullModelTest, ComputesWhatDiffusersComputes) {
  const char* folder = std::getenv("OMR_FULL_MODEL");
  if (folder == nullptr) GTEST_SKIP() << "$OMR_FULL_MODEL names no folder";
  const at::NoGradGuard no_grad;
  const std::filesystem::path root(folder);
  const io::Json options = io::read_json(root / "case.json");
  StableDiffusionPipeline pipeline = StableDiffusionPipeline::open(
      ModelFolder::open(root / options["model"].get<std::string>()), {});
  const auto expected = io::SafetensorsFile::open(root / "expected.safetensors");
  const auto check = [&](const char* name, const at::Tensor& found, double limit = 1e-3) {
    const at::Tensor wanted = expected->tensor(name);
    const double difference = ((found - wanted).abs().max() / wanted.abs().max()).item<double>();
    std::cout << "difference of " << name << ": " << difference << '\n';
    EXPECT_LT(difference, limit) << name;
  };
  check("unet", pipeline.unet()(expected->tensor("sample"), expected->tensor("timestep"),
                                expected->tensor("context")));
  check("pixels", pipeline.vae()->decode(expected->tensor("latents")));
  check("moments", pipeline.vae()->encode(expected->tensor("picture")).mean);
  check("states", pipeline.encode({options["prompt"], {}}).states);
  if (options.contains("lora")) {
    pipeline.set_loras({{root / options["lora"].get<std::string>(), 1.0}});
    check("unet_lora",
          pipeline.unet()(expected->tensor("sample"), expected->tensor("timestep"),
                          expected->tensor("context")),
          1e-4);
    pipeline.set_loras({});
  }
  if (expected->find("drawn") == nullptr) return;
  GenerationOptions request;
  request.steps = options["steps"];
  request.guidance_scale = options["guidance_scale"];
  request.scheduler = pipeline.default_scheduler();
  request.width = options["width"];
  request.height = options["height"];
  check("drawn", pipeline.generate({options["prompt"], {}}, request, {{5, {}, 1.0, false}}, {}, {})
                     .at(0)
                     .latents);
}

// "<seconds> s, <seconds> s of processor", the latter of all threads, in the kernel too: other
// programs on the machine lengthen the first alone.
std::string cost_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  work();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const double spent = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
  return std::to_string(wall.count()) + " s, " + std::to_string(spent) + " s of processor";
}

// Highest resident memory so far and now, in MiB. Pages of mapped files count.
double status_mib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stod(line.substr(key.size() + 1)) / 1024;
  }
  return 0;
}

void read_all(const std::filesystem::path& folder) {
  std::vector<char> buffer(std::size_t{8} << 20);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
           file.gcount() > 0) {
    }
  }
}

// Prints "load: <cost>", "read: <cost>" and "peak: <MiB>" for the dtype in $OMR_FULL_DTYPE;
// tests/e2e/loading_full_test.py judges.
TEST(FullModelTest, LoadsAsTheFileIsRead) {
  const char* folder = std::getenv("OMR_FULL_LOAD");
  if (folder == nullptr) GTEST_SKIP() << "$OMR_FULL_LOAD names no folder";
  const std::string dtype = std::getenv("OMR_FULL_DTYPE");
  read_all(folder);  // what follows measures no disk
  const std::string read = cost_of([&] { read_all(folder); });
  const std::string load = cost_of([&] {
    StableDiffusionPipeline::open(ModelFolder::open(folder), nn::resolve_execution("cpu", dtype));
  });
  std::cout << "load: " << load << "\nread: " << read << "\npeak: " << status_mib("VmHWM:") << '\n';
}

}  // namespace
}  // namespace omr::pipeline
