#include "omr/train/lora_parameters.h"

#include <cmath>
#include <cstring>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/lora_file.h"
#include "omr/nn/lora.h"
#include "omr/train/adamw.h"
#include "omr/train/sample_random.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::train {
namespace {

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() &&
         std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0;
}

struct BlockImpl : torch::nn::Module {
  BlockImpl() {
    to_q = register_module("to_q", nn::Linear(10, 64));
    to_out = register_module("to_out", torch::nn::ModuleList(nn::Linear(64, 10, false)));
  }
  at::Tensor forward(const at::Tensor& x) {
    return x + to_out[0]->as<nn::LinearImpl>()->forward(at::tanh(to_q->forward(x)));
  }
  nn::Linear to_q{nullptr};
  torch::nn::ModuleList to_out{nullptr};
};
TORCH_MODULE(Block);

struct NetImpl : torch::nn::Module {
  NetImpl() {
    down_blocks = register_module("down_blocks", torch::nn::ModuleList(Block()));
    up_blocks = register_module("up_blocks", torch::nn::ModuleList(Block(), Block()));
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : parameters()) parameter.normal_(0, 0.3);
  }
  at::Tensor forward(at::Tensor x) {
    for (const auto& list : {down_blocks, up_blocks}) {
      for (const auto& block : *list) x = block->as<BlockImpl>()->forward(x);
    }
    return x;
  }
  torch::nn::ModuleList down_blocks{nullptr}, up_blocks{nullptr};
};
TORCH_MODULE(Net);

class LoraParametersTest : public testing::Test {
 protected:
  LoraParameters put_on(Net& net, const LoraSettings& settings, std::uint64_t seed = 1) {
    return LoraParameters(*net, "unet", settings, c10::kCPU,
                          generator_for(seed, Purpose::weights, 0));
  }
  // Some updates, so that no half is zero.
  void train(Net& net, const LoraParameters& lora) {
    AdamW optimizer({{lora.parameters(), 1.0}}, {});
    for (int step = 0; step < 3; ++step) {
      optimizer.zero_grad();
      net(x_).square().sum().backward();
      optimizer.step(1e-2);
    }
  }

  const LoraSettings settings_{.rank = 3, .alpha = 6, .target_modules = {"to_q", "to_out.0"}};
  const at::Tensor x_ = at::randn({4, 10});
  TemporaryFolder folder_;
};

TEST_F(LoraParametersTest, FreshAdaptersLeaveTheOutputAsItIsAndAloneAreTrained) {
  Net net;
  const at::Tensor before = net(x_).detach();
  const LoraParameters lora = put_on(net, settings_);
  EXPECT_LT((net(x_) - before).abs().max().item<float>(), 1e-6);
  EXPECT_EQ(lora.parameters().size(), 12u);
  EXPECT_EQ(lora.parameters()[0].first, "unet.down_blocks.0.to_q.lora_A.weight");
  for (const at::Tensor& parameter : net->parameters()) EXPECT_FALSE(parameter.requires_grad());
  net(x_).sum().backward();
  for (const auto& [name, parameter] : lora.parameters())
    EXPECT_TRUE(parameter.grad().defined()) << name;
}

TEST_F(LoraParametersTest, DrawsAsPeftDraws) {
  Net net;
  const LoraParameters lora = put_on(net, {.rank = 400, .target_modules = {"to_out.0"}});
  const auto parameters = lora.parameters();
  // kaiming_uniform_ with a = sqrt(5) over 64 inputs: ±1/8.
  EXPECT_NEAR(parameters[0].second.abs().max().item<double>(), 0.125, 1e-3);
  EXPECT_NEAR(parameters[0].second.mean().item<double>(), 0, 1e-3);
  EXPECT_NEAR(parameters[0].second.std().item<double>(), 0.125 / std::sqrt(3.0), 1e-3);
  EXPECT_EQ(parameters[1].second.abs().max().item<double>(), 0);
  Net other;
  EXPECT_TRUE(
      at::equal(put_on(other, {.rank = 400, .target_modules = {"to_out.0"}}).parameters()[0].second,
                parameters[0].second));
}

TEST_F(LoraParametersTest, OffIsTheBaseToTheBitAndOnIsAsBefore) {
  Net net;
  const at::Tensor base = net(x_).detach();
  LoraParameters lora = put_on(net, settings_);
  train(net, lora);
  const at::Tensor on = net(x_).detach();
  EXPECT_FALSE(at::allclose(on, base, 1e-3, 1e-3));
  {
    const LoraParameters::Off off(lora);
    EXPECT_TRUE(same_bits(net(x_).detach(), base));
  }
  EXPECT_TRUE(same_bits(net(x_).detach(), on));
}

TEST_F(LoraParametersTest, OffLeavesOtherAdaptersOn) {
  Net net;
  io::LoraFile other;
  other.layers = {{"unet", "up_blocks.0.to_q", false, at::randn({2, 10}), at::randn({64, 2}), 2.0}};
  nn::apply_lora(*net, other, "unet");
  make_frozen(*net, c10::kCPU);
  const at::Tensor base = net(x_).detach();
  LoraParameters lora = put_on(net, settings_);
  train(net, lora);
  const LoraParameters::Off off(lora);
  EXPECT_TRUE(same_bits(net(x_).detach(), base));
}

TEST_F(LoraParametersTest, BlocksAreChosenByPartsOfThePath) {
  Net net;
  LoraSettings settings = settings_;
  settings.blocks = {"up_blocks.1", "down_blocks"};
  const LoraParameters lora = put_on(net, settings);
  std::vector<std::string> names;
  for (const io::LoraLayer& layer : lora.layers()) names.push_back(layer.module);
  EXPECT_EQ(names, (std::vector<std::string>{"down_blocks.0.to_q", "down_blocks.0.to_out.0",
                                             "up_blocks.1.to_q", "up_blocks.1.to_out.0"}));
}

TEST_F(LoraParametersTest, NamesThatFitNothingAreRefused) {
  Net net;
  const auto refused = [&](LoraSettings settings) {
    return error_of([&] { put_on(net, settings); });
  };
  EXPECT_TRUE(says(refused({.target_modules = {"to_q", "to_v"}}), "to_v"));
  EXPECT_TRUE(says(refused({.target_modules = {"o_q"}}), "o_q"));
  EXPECT_TRUE(
      says(refused({.target_modules = {"to_q"}, .blocks = {"up_blocks.7"}}), "up_blocks.7"));
  EXPECT_TRUE(says(refused({.rank = 0, .target_modules = {"to_q"}}), "--rank"));
}

TEST_F(LoraParametersTest, FilesOfEveryStyleBringBackTheOutput) {
  Net net;
  LoraParameters lora = put_on(net, settings_);
  train(net, lora);
  const at::Tensor on = net(x_).detach();
  io::write_lora(folder_.path() / "peft.safetensors", lora.layers(), io::LoraKeys::peft);
  io::write_lora(folder_.path() / "kohya.safetensors", lora.layers(), io::LoraKeys::kohya);
  io::write_peft_adapter(folder_.path() / "adapter", lora.layers(), "base");
  nn::clear_lora(*net);
  for (const char* name : {"peft.safetensors", "kohya.safetensors", "adapter"}) {
    SCOPED_TRACE(name);
    const bool bare = std::string(name) == "adapter";
    const nn::LoraReport report =
        nn::apply_lora(*net, io::read_lora(folder_.path() / name), bare ? "" : "unet");
    EXPECT_EQ(report.applied, 12u);
    EXPECT_LT((net(x_) - on).abs().max().item<float>(), 1e-5);
    nn::clear_lora(*net);
  }
}

TEST_F(LoraParametersTest, TrainingGoesOnFromAFile) {
  Net net;
  LoraParameters lora = put_on(net, settings_);
  train(net, lora);
  const at::Tensor on = net(x_).detach();
  io::write_lora(folder_.path() / "a.safetensors", lora.layers(), io::LoraKeys::kohya);
  nn::clear_lora(*net);
  LoraParameters again = put_on(net, settings_, 2);
  again.load(io::read_lora(folder_.path() / "a.safetensors"));
  EXPECT_TRUE(same_bits(net(x_).detach(), on));
  nn::clear_lora(*net);
  LoraSettings wider = settings_;
  wider.rank = 4;
  LoraParameters other = put_on(net, wider);
  const Error error =
      error_of([&] { other.load(io::read_lora(folder_.path() / "a.safetensors")); });
  EXPECT_TRUE(says(error, "rank 3, expected 4")) << error.what();
}

}  // namespace
}  // namespace omr::train
