// Inpainting against diffusers' StableDiffusionInpaintPipeline.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/safetensors.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

const fs::path kPeersInpainting = OMR_PEERS "/inpainting";

GenerationOptions options_of(const std::string& scheduler) {
  GenerationOptions options;
  options.steps = 7;
  options.guidance_scale = 2.5;
  options.scheduler = schedulers::parse_scheduler_name(scheduler);
  options.width = 56;
  options.height = 40;
  return options;
}

TEST(PeersInpaintingTest, EveryUNetAndStrengthDrawsWhatDiffusersDraws) {
  const auto expected = io::SafetensorsFile::open(kPeersInpainting / "expected.safetensors");
  const Image picture = io::read_picture(kPeersInpainting / "picture.jpg");
  const Image mask = io::read_picture(kPeersInpainting / "mask.png");
  for (int channels : {4, 9}) {
    auto pipeline = StableDiffusionPipeline::open(
        ModelFolder::open(kPeersInpainting / ("model_" + std::to_string(channels))), {});
    for (const io::Json& entry : io::read_json(kPeersInpainting / "cases.json")) {
      if (entry["channels"] != channels) continue;
      const std::string name = entry["case"];
      SCOPED_TRACE(name);
      const Start start = pipeline.encode_start(picture, mask, 4, entry["strength"], 56, 40);
      const auto drawn =
          pipeline.generate({"a red star", {}}, options_of(entry["scheduler"]), {start}, {}, {});
      const at::Tensor wanted = expected->tensor(name);
      EXPECT_LT(((drawn[0].latents - wanted).abs().max() / wanted.abs().max()).item<double>(),
                1e-3);
    }
  }
}

TEST(PeersInpaintingTest, WhatTheMaskKeepsStaysAsItWas) {
  auto pipeline =
      StableDiffusionPipeline::open(ModelFolder::open(kPeersInpainting / "model_4"), {});
  const Image picture = io::read_picture(kPeersInpainting / "picture.jpg");
  const Image mask = io::read_picture(kPeersInpainting / "mask.png");
  const Start start = pipeline.encode_start(picture, mask, 4, 1.0, 56, 40);
  const auto drawn = pipeline.generate({"a red star", {}}, options_of("ddim"), {start}, {}, {});
  const at::Tensor kept = (1 - start.inpainting->mask).expand_as(start.latents).to(at::kBool);
  EXPECT_TRUE(at::equal(drawn[0].latents.masked_select(kept), start.latents.masked_select(kept)));
  EXPECT_GT((drawn[0].latents - start.latents).abs().max().item<double>(), 0.1);
}

TEST(PeersInpaintingTest, AnInpaintingUNetDrawsWithoutAMaskToo) {
  auto pipeline =
      StableDiffusionPipeline::open(ModelFolder::open(kPeersInpainting / "model_9"), {});
  const auto drawn =
      pipeline.generate({"a red star", {}}, options_of("ddim"), {{4, {}, 1.0, false}}, {}, {});
  EXPECT_EQ(drawn[0].image.width, 56);
}

// A picture drawn for one prompt, then locally for another.
TEST(LocalStartTest, RedrawsARegionAndNothingElse) {
  auto pipeline = StableDiffusionPipeline::open(ModelFolder::open(OMR_MODELS "/scenes"), {});
  GenerationOptions options = options_of("ddim");
  options.width = options.height = 64;
  const PromptInput small = {"a small red star at the top left on a navy background", {}};
  const PromptInput large = {"a large red star at the top left on a navy background", {}};
  const auto first = pipeline.generate(small, options, {{4, {}, 1.0, false}}, {}, {});
  options.region = EditRegion{small, 4};
  Start start;
  start.seed = 5;
  start.latents = first[0].latents;
  start.local = true;
  Start whole = start;
  whole.local = false;
  whole.steps = 14;
  whole.strength = 0.5;
  const auto drawn = pipeline.generate(large, options, {start, whole}, {}, {});
  const at::Tensor same = (drawn[0].latents == first[0].latents).all(1);
  EXPECT_GT(same.sum().item<int>(), 0) << "nothing was kept";
  EXPECT_LT(same.sum().item<int>(), same.numel()) << "nothing was redrawn";
  EXPECT_EQ(drawn[0].unet_calls, 7 + 4);
  EXPECT_EQ(drawn[1].unet_calls, 7) << "half of a schedule of 14 steps";
  EXPECT_FALSE((drawn[1].latents == first[0].latents).all(1).any().item<bool>());

  options.region.reset();
  EXPECT_THROW(pipeline.generate(large, options, {start}, {}, {}), Error);
}

TEST(MaskTest, HalfBrightAndBrighterIsRedrawn) {
  const at::Tensor mask = to_mask({2, 2, {127, 127, 127, 128, 128, 128, 255, 0, 0, 0, 255, 0}});
  EXPECT_TRUE(at::equal(mask.flatten(), at::tensor({0.0f, 1.0f, 0.0f, 1.0f})));
}

}  // namespace
}  // namespace omr::pipeline
