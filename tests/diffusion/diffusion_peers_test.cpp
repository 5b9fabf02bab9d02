#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/diffusion/autoencoder_kl.h"
#include "omr/diffusion/tiled_decode.h"
#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/io/lora_file.h"
#include "omr/io/safetensors.h"
#include "omr/nn/lora.h"

namespace omr::diffusion {
namespace {

namespace fs = std::filesystem;

const fs::path kPeers = OMR_PEERS "/diffusion";

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / (1 + b.abs().max())).item<double>();
}

class PeersUNetTest : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const { return kPeers / (std::string("unet_") + GetParam()); }
};

TEST_P(PeersUNetTest, OutputMatchesDiffusersAtDivisibleAndOddSizes) {
  const at::NoGradGuard no_grad;
  UNet2DConditionModel unet = load_unet(folder(), {});
  const auto expected = io::SafetensorsFile::open(folder() / "expected.safetensors");
  for (const std::string i : {"0", "1"}) {
    const at::Tensor output = unet(expected->tensor("sample" + i), expected->tensor("timestep" + i),
                                   expected->tensor("context" + i));
    EXPECT_LT(largest_difference(output, expected->tensor("output" + i)), 2e-5) << i;
  }
}

TEST_P(PeersUNetTest, LoraInAnyKeyStyleMatchesPeft) {
  const at::NoGradGuard no_grad;
  UNet2DConditionModel unet = load_unet(folder(), {});
  const auto expected = io::SafetensorsFile::open(folder() / "expected.safetensors");
  const auto run = [&] {
    return unet(expected->tensor("sample0"), expected->tensor("timestep0"),
                expected->tensor("context0"));
  };
  const at::Tensor before = run();
  for (const char* style : {"kohya", "old", "peft"}) {
    SCOPED_TRACE(style);
    const io::LoraFile file = io::read_lora(folder() / (std::string(style) + ".safetensors"));
    for (const auto& [weight, key] :
         {std::pair(1.0, "output_lora"), std::pair(0.35, "output_lora_0.35")}) {
      const nn::LoraReport report = nn::apply_lora(*unet, file, "unet", weight);
      EXPECT_EQ(report.applied, file.tensors);
      EXPECT_TRUE(report.skipped.empty());
      EXPECT_LT(largest_difference(run(), expected->tensor(key)), 2e-5);
      EXPECT_GT(largest_difference(run(), before), 1e-3) << "the adapter should change something";
      nn::clear_lora(*unet);
      EXPECT_TRUE(at::equal(run(), before)) << "adapters off must give the very bits of never on";
    }
  }
}

// On CUDA convolutions are kept channels last, and activations follow; half precision is widened in
// attention where the config says upcast_attention. Both can be had on the CPU.
TEST_P(PeersUNetTest, ChannelsLastAndHalfPrecisionComputeTheSame) {
  const at::NoGradGuard no_grad;
  const auto expected = io::SafetensorsFile::open(folder() / "expected.safetensors");
  for (const auto& [type, tolerance] :
       {std::pair(at::kFloat, 2e-5), std::pair(at::kHalf, 1e-2), std::pair(at::kBFloat16, 6e-2)}) {
    SCOPED_TRACE(c10::toString(type));
    UNet2DConditionModel unet = load_unet(folder(), {c10::kCPU, type});
    for (at::Tensor& parameter : unet->parameters()) {
      if (parameter.dim() == 4) {
        parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
    const at::Tensor sample =
        expected->tensor("sample0").to(type).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor output =
        unet(sample, expected->tensor("timestep0"), expected->tensor("context0").to(type));
    EXPECT_LT(largest_difference(output.to(at::kFloat), expected->tensor("output0")), tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, PeersUNetTest, testing::Values("sd2", "sd1", "deep"));

class PeersVaeTest : public testing::TestWithParam<const char*> {};

TEST_P(PeersVaeTest, EncodingAndDecodingMatchDiffusers) {
  const at::NoGradGuard no_grad;
  for (const std::string suffix : {"", "_old"}) {
    const fs::path folder = kPeers / ("vae_" + std::string(GetParam()) + suffix);
    AutoencoderKL vae = load_vae(folder, {});
    const auto expected = io::SafetensorsFile::open(kPeers / ("vae_" + std::string(GetParam())) /
                                                    "expected.safetensors");
    const DiagonalGaussian distribution = vae->encode(expected->tensor("pixels"));
    EXPECT_LT(largest_difference(distribution.mean, expected->tensor("mean")), 2e-5);
    EXPECT_LT(largest_difference(distribution.logvar, expected->tensor("logvar")), 2e-5);
    EXPECT_LT(
        largest_difference(vae->decode(expected->tensor("latents")), expected->tensor("decoded")),
        2e-5);
  }
}

TEST_P(PeersVaeTest, TiledDecodingMatchesDiffusers) {
  const at::NoGradGuard no_grad;
  const fs::path folder = kPeers / ("vae_" + std::string(GetParam()));
  AutoencoderKL vae = load_vae(folder, {});
  const auto expected = io::SafetensorsFile::open(folder / "expected.safetensors");
  const at::Tensor latents = expected->tensor("wide_latents");
  EXPECT_LT(largest_difference(tiled_decode(vae, latents, 8), expected->tensor("wide_decoded")),
            2e-5);
  EXPECT_TRUE(at::equal(tiled_decode(vae, latents, 21), vae->decode(latents)));
}

INSTANTIATE_TEST_SUITE_P(Layouts, PeersVaeTest, testing::Values("f4", "f2", "plain"));

}  // namespace
}  // namespace omr::diffusion
