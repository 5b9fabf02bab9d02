// What the pipeline does when memory runs out: throwing where a step ends stands in for a device
// that is too small.
#include <cstdlib>
#include <new>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/diffusion/tiled_decode.h"
#include "omr/pipeline/image_tensor.h"
#include "omr/pipeline/stable_diffusion_pipeline.h"

#include "pipeline/draw_batches.h"
#include "support/error_of.h"

namespace omr::pipeline {
namespace {

int largest_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  }
  return largest;
}

TEST(InBatchesTest, HalvesUntilItFitsAndRemembers) {
  BatchLimit limit;
  std::vector<std::pair<std::size_t, std::size_t>> calls;
  const auto work = [&](std::size_t first, std::size_t count) {
    calls.emplace_back(first, count);
    if (count > 2) throw std::bad_alloc();
  };
  EXPECT_TRUE(in_batches(7, limit, work));
  using Calls = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(calls, (Calls{{0, 7}, {0, 4}, {0, 2}, {2, 2}, {4, 2}, {6, 1}}));
  calls.clear();
  EXPECT_TRUE(in_batches(3, limit, work));
  EXPECT_EQ(calls, (Calls{{0, 2}, {2, 1}})) << "the limit was learnt";
}

TEST(InBatchesTest, OneThatDoesNotFitAloneEndsIt) {
  BatchLimit limit;
  int calls = 0;
  EXPECT_FALSE(in_batches(2, limit, [&](std::size_t, std::size_t) {
    ++calls;
    throw std::bad_alloc();
  }));
  EXPECT_EQ(calls, 2);
}

class MemoryLimitsTest : public testing::Test {
 protected:
  std::vector<GeneratedImage> draw(const char* scheduler, const ProgressCallback& progress) {
    GenerationOptions options;
    options.steps = 4;
    options.guidance_scale = 4.0;
    options.scheduler = schedulers::parse_scheduler_name(scheduler);
    const at::Tensor kept = at::full({1, 4, 16, 16}, 0.3f);
    return pipeline_.generate({"a red star", {}}, options,
                              {{3, {}, 1.0, false},
                               {4, {}, 1.0, false},
                               {5, kept, 0.5, false},
                               {6, {}, 1.0, false},
                               {7, {}, 1.0, false}},
                              progress, {});
  }

  StableDiffusionPipeline pipeline_ =
      StableDiffusionPipeline::open(ModelFolder::open(OMR_MODELS "/scenes"), {});
};

// A stochastic scheduler too: what a failed try has drawn must be drawn again.
TEST_F(MemoryLimitsTest, PicturesDrawnInSmallerBatchesAreTheSame) {
  for (const char* scheduler : {"ddim", "euler_a"}) {
    SCOPED_TRACE(scheduler);
    pipeline_ = StableDiffusionPipeline::open(ModelFolder::open(OMR_MODELS "/scenes"), {});
    const auto whole = draw(scheduler, {});
    int failures = 0, last = 0, total = 0;
    const auto split = draw(scheduler, [&](int step, int steps) {
      last = step;
      total = steps;
      if (step == 3 && failures < 2) {  // four pictures at once, then two
        ++failures;
        throw std::bad_alloc();
      }
    });
    EXPECT_EQ(failures, 2);
    // Four alone and one from kept latents, half of the schedule.
    EXPECT_EQ(total, 4 * 4 + 2);
    EXPECT_EQ(last, total);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(split[i].seed, whole[i].seed);
      EXPECT_LT((split[i].latents - whole[i].latents).abs().max().item<double>(), 1e-3);
      EXPECT_LE(largest_difference(split[i].image, whole[i].image), 2);
    }
  }
}

TEST_F(MemoryLimitsTest, WhenNotEvenOnePictureFitsTheErrorSaysSoAndThePipelineLives) {
  const Error error = error_of([&] { draw("ddim", [](int, int) { throw std::bad_alloc(); }); });
  EXPECT_EQ(error.kind(), ErrorKind::resource);
  EXPECT_NE(std::string(error.what()).find("smaller --size"), std::string::npos);
  EXPECT_EQ(draw("ddim", {}).size(), 5u);
}

TEST_F(MemoryLimitsTest, VaeTilingDecodesLargePicturesAsTiledDecodeDoes) {
  const at::NoGradGuard no_grad;
  const at::Tensor latents = at::randn({1, 4, 16, 24});
  const std::vector<Image> whole = pipeline_.decode(latents);
  pipeline_.set_vae_tiling(true);
  const std::vector<Image> tiled = pipeline_.decode(latents);
  const double scale = pipeline_.vae()->config().scaling_factor;
  const std::vector<Image> expected =
      to_images(diffusion::tiled_decode(pipeline_.vae(), latents / scale, 16));
  EXPECT_EQ(tiled[0].pixels, expected[0].pixels);
  EXPECT_NE(tiled[0].pixels, whole[0].pixels);
  EXPECT_EQ(pipeline_.decode(latents.narrow(3, 0, 16))[0].pixels.size(), 64u * 64 * 3);
}

TEST_F(MemoryLimitsTest, PartsTakeTurnsWithoutChangingThePicture) {
  const auto before = draw("ddim", {});
  pipeline_.set_offload(std::make_shared<nn::ModelOffload>(c10::Device(c10::kCPU)));
  EXPECT_EQ(draw("ddim", {})[0].image.pixels, before[0].image.pixels);
}

TEST_F(MemoryLimitsTest, NumbersThatOverflowAreNamedWithTheWayOut) {
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : pipeline_.unet()->parameters()) parameter.mul_(1e30);
  const Error error = error_of([&] { draw("ddim", {}); });
  EXPECT_NE(std::string(error.what()).find("the UNet's numbers overflowed"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("--dtype fp32 or bf16"), std::string::npos);
}

TEST_F(MemoryLimitsTest, AVaeThatOverflowsInHalfPrecisionIsWidened) {
  StableDiffusionPipeline half = StableDiffusionPipeline::open(
      ModelFolder::open(OMR_MODELS "/scenes"), {c10::kCPU, at::kHalf});
  const at::NoGradGuard no_grad;
  // What the first convolution makes is beyond fp16's 65504; a norm brings it back.
  for (StableDiffusionPipeline* pipeline : {&half, &pipeline_}) {
    auto parameters = pipeline->vae()->named_parameters();
    parameters["decoder.conv_in.weight"].mul_(2e4);
    parameters["decoder.conv_in.bias"].mul_(2e4);
  }
  const at::Tensor latents = at::randn({1, 4, 16, 16});
  EXPECT_LE(largest_difference(half.decode(latents)[0], pipeline_.decode(latents)[0]), 8);
  EXPECT_EQ(half.vae()->parameters()[0].scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace omr::pipeline
