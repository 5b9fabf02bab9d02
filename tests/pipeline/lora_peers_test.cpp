// LoRA files put on a whole model, against PEFT and kohya's rule of merging.
#include <cstdlib>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/lora_file.h"
#include "omr/io/safetensors.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

#include "support/temporary_folder.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

const fs::path kPeersLora = OMR_PEERS "/lora";

class PeersPipelineLoraTest : public testing::Test {
 protected:
  // Both parts' largest difference from what is expected, over the expected's largest number.
  double difference(const std::string& name) {
    const at::NoGradGuard no_grad;
    const auto of = [&](const at::Tensor& found, const std::string& wanted) {
      const at::Tensor tensor = expected_->tensor(wanted);
      return ((found - tensor).abs().max() / tensor.abs().max()).item<double>();
    };
    const at::Tensor unet = pipeline_.unet()(
        expected_->tensor("sample"), expected_->tensor("timestep"), expected_->tensor("context"));
    const at::Tensor text = pipeline_.encode({"a red star", {}}).states;
    return std::max(of(unet, "unet_" + name), of(text, "text_" + name));
  }

  StableDiffusionPipeline pipeline_ =
      StableDiffusionPipeline::open(ModelFolder::open(kPeersLora / "model"), {});
  std::shared_ptr<const io::SafetensorsFile> expected_ =
      io::SafetensorsFile::open(kPeersLora / "expected.safetensors");
};

TEST_F(PeersPipelineLoraTest, EveryLayerOfEitherStyleComputesWhatThePeersCompute) {
  EXPECT_LT(difference("off"), 2e-5);
  for (const auto& [file, weight, name] : {std::tuple{"kohya.safetensors", 1.0, "kohya_1.0"},
                                           std::tuple{"kohya.safetensors", 0.4, "kohya_0.4"},
                                           std::tuple{"diffusers.safetensors", 1.0, "diffusers"}}) {
    SCOPED_TRACE(name);
    EXPECT_GT(difference(name), 1e-2) << "the adapter should change something";
    const auto reports = pipeline_.set_loras({{kPeersLora / file, weight}});
    EXPECT_EQ(reports.at(0).applied, reports.at(0).total);
    EXPECT_TRUE(reports.at(0).skipped.empty());
    EXPECT_LT(difference(name), 1e-4);
    pipeline_.set_loras({});
  }
  EXPECT_LT(difference("off"), 2e-5);
}

TEST_F(PeersPipelineLoraTest, AdaptersAddUpAndTheirWeightsMayChange) {
  // Twice the same at 0.2 each is once at 0.4.
  const fs::path file = kPeersLora / "kohya.safetensors";
  pipeline_.set_loras({{file, 1.0}});
  pipeline_.set_loras({{file, 0.2}, {file, 0.2}});
  EXPECT_LT(difference("kohya_0.4"), 1e-4);
}

TEST_F(PeersPipelineLoraTest, TwoFilesOfUnlikeStylesHoldWithAWeightEach) {
  pipeline_.set_loras(
      {{kPeersLora / "kohya.safetensors", 0.4}, {kPeersLora / "diffusers.safetensors", 0.7}});
  EXPECT_LT(difference("both"), 1e-4);
  pipeline_.set_loras({{kPeersLora / "diffusers.safetensors", 1.0}});
  EXPECT_LT(difference("diffusers"), 1e-4) << "the next round's adapters are all that is on";
}

TEST_F(PeersPipelineLoraTest, WhatIsSavedInEitherStyleComputesTheSame) {
  const TemporaryFolder folder;
  std::vector<io::LoraLayer> layers = io::read_lora(kPeersLora / "diffusers.safetensors").layers;
  for (const io::LoraKeys keys : {io::LoraKeys::kohya, io::LoraKeys::peft}) {
    const fs::path file = folder.path() / (keys == io::LoraKeys::kohya ? "kohya" : "peft");
    io::write_lora(file, layers, keys);
    pipeline_.set_loras({{file, 1.0}});
    EXPECT_LT(difference("diffusers"), 1e-4);
  }
}

// For tests/e2e/lora_saving_test.py, which lets diffusers read them.
TEST_F(PeersPipelineLoraTest, FilesForThePeersAreWritten) {
  const char* folder = std::getenv("OMR_SAVED_LORAS");
  if (folder == nullptr) GTEST_SKIP() << "$OMR_SAVED_LORAS names no folder";
  std::vector<io::LoraLayer> layers = io::read_lora(kPeersLora / "diffusers.safetensors").layers;
  io::write_lora(fs::path(folder) / "peft.safetensors", layers, io::LoraKeys::peft);
  // diffusers loses kohya's alphas where they differ from layer to layer: one alpha, one rank.
  std::erase_if(layers, [](const io::LoraLayer& layer) {
    return layer.component != "unet" || layer.alpha != 5.0 || layer.down.size(0) != 3;
  });
  ASSERT_GT(layers.size(), 3u);
  io::write_lora(fs::path(folder) / "some-kohya.safetensors", layers, io::LoraKeys::kohya);
  io::write_lora(fs::path(folder) / "some-peft.safetensors", layers, io::LoraKeys::peft);
}

}  // namespace
}  // namespace omr::pipeline
