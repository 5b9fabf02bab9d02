#include "omr/pipeline/model_report.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "omr/io/known_files.h"

#include "support/temporary_folder.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

// The embedded pack, of links: what a test removes or replaces is its own.
ModelFolder linked_pack(const fs::path& folder) {
  const fs::path pack = fs::path(OMR_MODELS) / "scenes";
  for (const auto& entry : fs::recursive_directory_iterator(pack)) {
    const fs::path to = folder / fs::relative(entry.path(), pack);
    if (entry.is_directory()) {
      fs::create_directories(to);
    } else {
      fs::create_symlink(entry.path(), to);
    }
  }
  return ModelFolder::open(folder);
}

const PartReport* find(const ModelReport& report, const std::string& name) {
  for (const PartReport& part : report.parts) {
    if (part.name == name) return &part;
  }
  return nullptr;
}

TEST(ModelReportTest, AWholeFolderMissesNothing) {
  const ModelReport report = report_model(ModelFolder::open(fs::path(OMR_MODELS) / "scenes"));
  EXPECT_TRUE(report.missing.empty());
  EXPECT_EQ(report.scheduler, "DDIMScheduler");
  EXPECT_EQ(report.prediction_type, "v_prediction");
  for (const char* name : {"text_encoder", "unet", "vae"}) {
    ASSERT_NE(find(report, name), nullptr) << name;
    EXPECT_EQ(find(report, name)->problem, "");
    EXPECT_GT(find(report, name)->weights.size(), 0u);
  }
}

TEST(ModelReportTest, WhatIsMissingAndWhatIsBrokenIsNamed) {
  const TemporaryFolder folder;
  const ModelFolder model = linked_pack(folder.path());
  fs::remove_all(folder.path() / "vae");
  fs::remove(folder.path() / "tokenizer/merges.txt");
  fs::remove(folder.path() / "unet/config.json");
  std::ofstream(folder.path() / "unet/config.json") << R"({"block_out_channels": [3]})";
  const ModelReport report = report_model(model);
  ASSERT_EQ(report.missing.size(), 2u);
  EXPECT_EQ(report.missing[0], "vae");
  EXPECT_NE(report.missing[1].find("merges.txt"), std::string::npos) << report.missing[1];
  EXPECT_NE(find(report, "unet")->problem.find("unet/config.json"), std::string::npos);
  EXPECT_EQ(find(report, "text_encoder")->problem, "");
}

TEST(ModelReportTest, APartAloneSaysWhatItIs) {
  const fs::path pack = fs::path(OMR_MODELS) / "scenes";
  for (const char* name : {"text_encoder", "unet", "vae"}) {
    const PartReport report = report_part(pack / name);
    EXPECT_EQ(report.name, name);
    EXPECT_EQ(report.problem, "");
    EXPECT_GT(report.weights.size(), 0u);
  }
  const PartReport other = report_part(pack / "refiner");
  EXPECT_EQ(other.name, "");
  EXPECT_NE(other.problem.find("a llama"), std::string::npos) << other.problem;
}

TEST(ModelReportTest, FamiliesGoByTheTextEncodersWidth) {
  EXPECT_EQ(family_of_width(768), "Stable Diffusion 1.x");
  EXPECT_EQ(family_of_width(1024), "Stable Diffusion 2.x");
  EXPECT_NE(family_of_width(20).find("20 wide"), std::string::npos);
}

TEST(KnownFilesTest, PublishedHashesAreRecognised) {
  EXPECT_NE(io::known_file("dcd690123cfc64383981a31d955694f6acf2072a80537fdb612c8e58ec87a8ac")
                .find("2.1 (768"),
            std::string::npos);
  EXPECT_EQ(io::known_file(std::string(64, '0')), "");
}

}  // namespace
}  // namespace omr::pipeline
