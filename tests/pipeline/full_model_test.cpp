// A model of full size that tests/e2e/real_checkpoints_full_test.py wrote into $OMR_FULL_MODEL,
// with what diffusers computes from it.
#include <cstdlib>
#include <iostream>

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
  const auto check = [&](const char* name, const at::Tensor& found) {
    const at::Tensor wanted = expected->tensor(name);
    const double difference = ((found - wanted).abs().max() / wanted.abs().max()).item<double>();
    std::cout << "difference of " << name << ": " << difference << '\n';
    EXPECT_LT(difference, 1e-3) << name;
  };
  check("unet", pipeline.unet()(expected->tensor("sample"), expected->tensor("timestep"),
                                expected->tensor("context")));
  check("pixels", pipeline.vae()->decode(expected->tensor("latents")));
  check("moments", pipeline.vae()->encode(expected->tensor("picture")).mean);
  check("states", pipeline.encode({options["prompt"], {}}).states);
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

}  // namespace
}  // namespace omr::pipeline
