// Reward models at full size. tests/e2e/reward_models_full_test.py writes them and what the peer
// computes, names the folder in OMR_FULL_MODEL, and runs this program.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"
#include "omr/reward/reward_model.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

Image picture(const at::Tensor& pixels) {
  Image image{static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)), {}};
  const auto* first = pixels.const_data_ptr<std::uint8_t>();
  image.pixels.assign(first, first + pixels.numel());
  return image;
}

// Of this program, in GiB; the parent's rusage would count its own memory before exec.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / (1 << 20);
  }
  return 0;
}

TEST(FullRewardModelTest, GivesTheEmbeddingsAndScoresOfThePeer) {
  const char* given = std::getenv("OMR_FULL_MODEL");
  if (given == nullptr) GTEST_SKIP() << "OMR_FULL_MODEL names no folder";
  const fs::path folder = given;
  const auto expected = io::SafetensorsFile::open(folder / "expected.safetensors");
  const std::vector<Image> images = {picture(expected->tensor("picture0").contiguous()),
                                     picture(expected->tensor("picture1").contiguous())};
  const auto texts = io::Config(folder / "case.json").texts("texts");
  RewardOptions options;
  if (std::getenv("OMR_FULL_NF4") == nullptr) options.quantization = RewardQuantization::none;
  RewardModel model = RewardModel::open(folder, options, {});
  const auto check = [&](const char* name, const at::Tensor& found) {
    const at::Tensor wanted = expected->tensor(name);
    ASSERT_EQ(found.sizes(), wanted.sizes());
    const double difference = ((found - wanted).abs().max() / wanted.abs().max()).item<double>();
    std::printf("difference %s %.1e\n", name, difference);
    EXPECT_LT(difference, 1e-3);
  };
  check("text", model.embed_text(texts));
  check("image", model.embed_images(images));
  check("preferences", model.preferences(texts, images));
  std::printf("peak %.1f GiB\n", peak_memory());
}

}  // namespace
}  // namespace omr::reward
