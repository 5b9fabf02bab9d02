#include "omr/nn/lora.h"

#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/weights.h"
#include "omr/nn/conv2d.h"
#include "omr/nn/linear.h"
#include "omr/nn/load_weights.h"

#include "nn/tensor_difference.h"
#include "support/error_of.h"

namespace omr::nn {
namespace {

namespace fs = std::filesystem;

// The model of tests/peers/make_io.py.
struct BlockImpl : torch::nn::Module {
  BlockImpl() {
    q_proj = register_module("q_proj", Linear(10, 6));
    out_proj = register_module("out_proj", torch::nn::ModuleList(Linear(6, 10, false)));
  }
  at::Tensor forward(const at::Tensor& x) {
    return x + out_proj[0]->as<LinearImpl>()->forward(at::tanh(q_proj->forward(x)));
  }
  Linear q_proj{nullptr};
  torch::nn::ModuleList out_proj{nullptr};
};
TORCH_MODULE(Block);

struct TowerImpl : torch::nn::Module {
  TowerImpl() {
    blocks = register_module("blocks", torch::nn::ModuleList(Block(), Block(), Block()));
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : parameters()) parameter.normal_(0, 0.3).requires_grad_(false);
  }
  at::Tensor forward(at::Tensor x) {
    for (const auto& block : *blocks) x = block->as<BlockImpl>()->forward(x);
    return x;
  }
  torch::nn::ModuleList blocks{nullptr};
};
TORCH_MODULE(Tower);

io::LoraLayer layer(const std::string& component, const std::string& module, std::int64_t in,
                    std::int64_t out, std::int64_t rank = 2,
                    std::optional<double> alpha = std::nullopt) {
  return {component,
          module,
          module.find('.') == std::string::npos,
          at::randn({rank, in}),
          at::randn({out, rank}),
          alpha};
}

std::size_t attached(Tower& tower) {
  std::size_t count = 0;
  for (const auto& module : tower->modules()) {
    if (const auto* linear = module->as<LinearImpl>()) count += linear->lora().size();
  }
  return count;
}

class LoraTest : public testing::Test {
 protected:
  LoraTest() { torch::manual_seed(3); }
  io::LoraFile file{"some.safetensors", {}, {}, 0};
};

TEST_F(LoraTest, GoesOnTheLayersOfItsComponentAndReportsTheRest) {
  Tower tower;
  file.layers = {
      layer("unet", "blocks.0.q_proj", 10, 6), layer("unet", "blocks_2_out_proj_0", 6, 10),
      layer("unet", "blocks.7.q_proj", 10, 6), layer("text_encoder", "blocks.1.q_proj", 10, 6)};
  const LoraReport report = apply_lora(*tower, file, "unet");
  EXPECT_EQ(report.applied, 4u);
  EXPECT_EQ(report.total, 6u);
  EXPECT_EQ(report.skipped, std::vector<std::string>{"blocks.7.q_proj"});
  EXPECT_EQ(attached(tower), 2u);
  LoraReport sum = report;
  sum += apply_lora(*tower, file, "text_encoder");
  EXPECT_EQ(sum.applied, 6u);
  EXPECT_EQ(sum.total, 8u);
  EXPECT_EQ(apply_lora(*tower, file, "").total, 0u);
}

TEST_F(LoraTest, ScalesByAlphaOverRankTimesTheWeight) {
  Tower tower;
  file.layers = {layer("unet", "blocks.0.q_proj", 10, 6, 4, 6.0),
                 layer("unet", "blocks.1.q_proj", 10, 6, 4)};
  apply_lora(*tower, file, "unet", 0.5);
  const auto scale = [&](std::size_t block) {
    return tower->blocks[block]->as<BlockImpl>()->q_proj->lora().at(0).scale;
  };
  EXPECT_DOUBLE_EQ(scale(0), 6.0 / 4 * 0.5);
  EXPECT_DOUBLE_EQ(scale(1), 0.5);
}

TEST_F(LoraTest, AnotherWidthIsRefusedInOneSentenceAndNothingStaysAttached) {
  Tower tower;
  const at::Tensor x = at::randn({4, 10}), before = tower->forward(x);
  for (const io::LoraLayer& wrong :
       {layer("unet", "blocks.1.q_proj", 12, 6), layer("unet", "blocks.1.q_proj", 10, 8)}) {
    file.layers = {layer("unet", "blocks.0.q_proj", 10, 6), wrong,
                   layer("unet", "blocks.2.q_proj", 10, 6)};
    const Error error = error_of([&] { apply_lora(*tower, file, "unet"); });
    EXPECT_EQ(error.kind(), ErrorKind::mismatch);
    for (const char* part : {"some.safetensors", "blocks.1.q_proj", "10 to 6"})
      EXPECT_TRUE(says(error, part)) << error.what();
    EXPECT_FALSE(says(error, "\n"));
    EXPECT_EQ(attached(tower), 0u);
    EXPECT_TRUE(same_bits(tower->forward(x), before));
  }
}

TEST_F(LoraTest, OffIsBitIdenticalToNeverOn) {
  Tower tower;
  const at::Tensor x = at::randn({4, 10}), before = tower->forward(x);
  file.layers = {layer("unet", "blocks.0.q_proj", 10, 6),
                 layer("unet", "blocks.2.out_proj.0", 6, 10)};
  apply_lora(*tower, file, "unet");
  EXPECT_FALSE(same_bits(tower->forward(x), before));
  clear_lora(*tower);
  EXPECT_EQ(attached(tower), 0u);
  EXPECT_TRUE(same_bits(tower->forward(x), before));
}

TEST_F(LoraTest, WeightZeroLeavesTheNumbersAlone) {
  Tower tower;
  const at::Tensor x = at::randn({4, 10}), before = tower->forward(x);
  file.layers = {layer("unet", "blocks.0.q_proj", 10, 6)};
  apply_lora(*tower, file, "unet", 0.0);
  EXPECT_TRUE(at::equal(tower->forward(x), before));
}

TEST_F(LoraTest, AStableDiffusion1AdapterOn2IsRefusedByTheWidthOfItsTextEncoder) {
  struct CrossAttention : torch::nn::Module {
    CrossAttention() { register_module("attn2_to_k", Linear(1024, 320, false)); }
  };
  const auto model = std::make_shared<CrossAttention>();
  file.layers = {layer("unet", "attn2_to_k", 768, 320)};
  const Error error = error_of([&] { apply_lora(*model, file, "unet"); });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  EXPECT_TRUE(says(error, "768 wide (Stable Diffusion 1.x)")) << error.what();
  EXPECT_TRUE(says(error, "1024 wide (Stable Diffusion 2.x)")) << error.what();
}

TEST_F(LoraTest, ConvolutionsTakeAdaptersOfTheirOwnKernel) {
  Conv2d conv(3, 5, 3, 2, 1);
  {
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : conv->parameters()) parameter.normal_().requires_grad_(false);
  }
  const at::Tensor x = at::randn({2, 3, 9, 8}), before = conv(x);
  const at::Tensor a = at::randn({2, 3, 3, 3}), b = at::randn({5, 2});
  conv->add_lora({"one", a, b, 0.7});
  const at::Tensor branch = at::conv2d(at::conv2d(x, a, {}, 2, 1), b.view({5, 2, 1, 1}));
  EXPECT_LT((conv(x) - (before + 0.7 * branch)).abs().max().item<double>(), 1e-4);
  // The same sum where gradients are wanted.
  conv->clear_lora();
  conv->add_lora({"one", a.clone().requires_grad_(true), b, 0.7});
  EXPECT_TRUE(conv(x).requires_grad());
  EXPECT_LT((conv(x) - (before + 0.7 * branch)).abs().max().item<double>(), 1e-4);
  conv->clear_lora();
  EXPECT_TRUE(same_bits(conv(x), before));
}

struct PeerAdapter {
  explicit PeerAdapter(const std::string& name)
      : folder(fs::path(OMR_PEERS "/io") / name),
        expected(io::Weights::open(folder / "expected.safetensors", "")) {
    load_weights(*tower, expected.below("base."), "tower", {});
  }
  double difference(const std::string& output) {
    return (tower->forward(expected.tensor("x")) - expected.tensor(output))
        .abs()
        .max()
        .item<double>();
  }
  fs::path folder;
  io::Weights expected;
  Tower tower;
};

class PeersLoraTest : public testing::TestWithParam<const char*> {};

TEST_P(PeersLoraTest, OutputsAreThoseOfPeft) {
  PeerAdapter peer(std::string("peft-") + GetParam());
  EXPECT_LT(peer.difference("y_off"), 1e-5);
  const LoraReport report = apply_lora(*peer.tower, io::read_peft_adapter(peer.folder), "");
  EXPECT_EQ(report.applied, 12u);
  EXPECT_LT(peer.difference("y"), 2e-5);
  clear_lora(*peer.tower);
  EXPECT_LT(peer.difference("y_off"), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Configs, PeersLoraTest,
                         testing::Values("plain", "rslora", "patterns", "rslora-patterns"));

TEST(PeersLoraSumTest, TwoAdaptersAtOnceGiveWhatPeftGives) {
  PeerAdapter peer("peft-plain");
  apply_lora(*peer.tower, io::read_peft_adapter(peer.folder), "");
  apply_lora(*peer.tower, io::read_peft_adapter(peer.folder.parent_path() / "two/second"), "");
  EXPECT_LT(peer.difference("y_both"), 2e-5);
}

}  // namespace
}  // namespace omr::nn
