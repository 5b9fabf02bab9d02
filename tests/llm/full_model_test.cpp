// Language models at full size. tests/e2e/language_models_full_test.py writes them and what the
// peer computes, names the folder in OMR_FULL_MODEL, and runs this program.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/safetensors.h"
#include "omr/llm/llama.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;

// Largest difference over the largest number expected.
double relative_difference(const at::Tensor& found, const at::Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

// Of this program, in GiB; the parent's rusage would count its own memory before exec.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / (1 << 20);
  }
  return 0;
}

TEST(FullLanguageModelTest, GivesTheLogitsAndTokensOfThePeer) {
  const char* folder = std::getenv("OMR_FULL_MODEL");
  if (folder == nullptr) GTEST_SKIP() << "OMR_FULL_MODEL names no folder";
  const at::NoGradGuard no_grad;
  const auto expected = io::SafetensorsFile::open(fs::path(folder) / "expected.safetensors");
  const auto begin = std::chrono::steady_clock::now();
  LlamaForCausalLM model = load_llama(folder, {}, std::getenv("OMR_FULL_NF4") != nullptr);
  const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - begin;
  const double difference =
      relative_difference(model(expected->tensor("ids")), expected->tensor("logits"));
  std::printf("loaded in %.1f s\ndifference logits %.1e\n", loading.count(), difference);
  EXPECT_LT(difference, 1e-3);

  at::Tensor next = expected->tensor("ids");
  const at::Tensor wanted = expected->tensor("tokens");
  KVCache cache(model->config());
  for (std::int64_t i = 0; i < wanted.numel(); ++i) {
    const auto token = model->next_logits(next, cache).argmax().item<std::int64_t>();
    EXPECT_EQ(token, wanted[i].item<std::int64_t>()) << "token " << i;
    next = at::full({1, 1}, token, at::kLong);
  }
  std::printf("peak %.1f GiB\n", peak_memory());
}

}  // namespace
}  // namespace omr::llm
