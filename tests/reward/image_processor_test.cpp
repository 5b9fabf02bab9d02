#include "omr/reward/image_processor.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"

#include "reward/peer_case.h"

namespace omr::reward {
namespace {

namespace fs = std::filesystem;

Image black(int width, int height) {
  return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3)};
}

class ImageProcessorConfigTest : public testing::Test {
 protected:
  CLIPImageProcessorConfig read(const std::string& json) {
    const fs::path path = fs::path(testing::TempDir()) / "preprocessor_config.json";
    std::ofstream(path) << json;
    return read_clip_image_processor_config(path);
  }
};

TEST(PeersImageProcessorTest, PixelValuesEqualTransformersToTheBit) {
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(OMR_PEERS "/reward")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("preprocess-")) continue;
    SCOPED_TRACE(name);
    ++cases;
    const PeerCase peer(name);
    const CLIPImageProcessor processor(
        read_clip_image_processor_config(peer.folder / "preprocessor_config.json"));
    for (std::int64_t i = 0; i < peer.config.integer("images"); ++i) {
      const at::Tensor pixels = processor(peer.picture("in" + std::to_string(i)));
      const at::Tensor expected = peer.expected->tensor("out" + std::to_string(i));
      ASSERT_EQ(pixels.sizes(), expected.sizes()) << "picture " << i;
      EXPECT_TRUE(at::equal(pixels, expected))
          << "picture " << i << ": off by " << (pixels - expected).abs().max().item<float>();
    }
  }
  EXPECT_GE(cases, 9u);
}

TEST(PeersImageProcessorTest, DifferentiablePixelsAreTheSameButForRoundingTo8Bits) {
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(OMR_PEERS "/reward")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("preprocess-")) continue;
    const PeerCase peer(name);
    const CLIPImageProcessor processor(
        read_clip_image_processor_config(peer.folder / "preprocessor_config.json"));
    if (processor.config().resample != Resample::bicubic &&
        processor.config().resample != Resample::bilinear)
      continue;
    const Image picture = peer.picture("in0");
    SCOPED_TRACE(name);
    ++cases;
    const at::Tensor pixels = at::tensor(at::ArrayRef<std::uint8_t>(picture.pixels), at::kByte)
                                      .view({1, picture.height, picture.width, 3})
                                      .permute({0, 3, 1, 2})
                                      .to(at::kFloat) /
                                  127.5 -
                              1;
    const at::Tensor expected = peer.expected->tensor("out0");
    const at::Tensor found = processor.differentiable(pixels)[0];
    ASSERT_EQ(found.sizes(), expected.sizes());
    const double least_std = processor.config().do_normalize ? 0.26 : 1.0;
    const double unit = processor.config().do_rescale ? processor.config().rescale_factor : 1.0;
    EXPECT_LT((found - expected).abs().max().item<double>(), 2.1 * unit / least_std);
  }
  EXPECT_GE(cases, 4u);
}

TEST(ImageProcessorTest, CropKeepsAnEndlessPictureSmall) {
  CLIPImageProcessorConfig config;
  const at::Tensor pixels = CLIPImageProcessor(config)(black(16000, 1));
  EXPECT_EQ(pixels.sizes(), (std::vector<std::int64_t>{3, 224, 224}));
}

TEST(ImageProcessorTest, RefusesEmptyAndEndlessPictures) {
  CLIPImageProcessorConfig config;
  EXPECT_THROW(CLIPImageProcessor{config}(Image{}), Error);
  EXPECT_THROW(CLIPImageProcessor{config}(Image{4, 4, {1, 2, 3}}), Error);
  config.do_center_crop = false;
  EXPECT_THROW(CLIPImageProcessor{config}(black(16000, 1)), Error);
}

TEST_F(ImageProcessorConfigTest, AbsentKeysTakeTransformersDefaults) {
  const CLIPImageProcessorConfig config = read("{}");
  EXPECT_EQ(config.shortest_edge, 224);
  EXPECT_EQ(config.crop_size.height, 224);
  EXPECT_EQ(config.resample, Resample::bicubic);
  EXPECT_TRUE(config.do_resize && config.do_center_crop && config.do_rescale &&
              config.do_normalize);
}

TEST_F(ImageProcessorConfigTest, RefusesWhatItDoesNotCompute) {
  EXPECT_THROW(read(R"({"resample": 0})"), Error);
  EXPECT_THROW(read(R"({"resample": 9})"), Error);
  EXPECT_THROW(read(R"({"do_pad": true})"), Error);
  EXPECT_THROW(read(R"({"size": {"shortest_edge": 2, "longest_edge": 9}})"), Error);
  EXPECT_THROW(read(R"({"size": {"height": 0, "width": 9}})"), Error);
  EXPECT_THROW(read(R"({"size": {"height": 1e12, "width": 9}})"), Error);
  EXPECT_THROW(read(R"({"size": "big"})"), Error);
  EXPECT_THROW(read(R"({"image_mean": [0.5]})"), Error);
  EXPECT_THROW(read(R"({"image_std": [0.5, 0, 0.5]})"), Error);
}

}  // namespace
}  // namespace omr::reward
