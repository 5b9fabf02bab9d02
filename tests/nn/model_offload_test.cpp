#include "omr/nn/model_offload.h"

#include <new>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/nn/linear.h"

namespace omr::nn {
namespace {

const c10::Device kGpu(c10::kCUDA, 0);

// Notes every move instead of making it.
class Moves {
 public:
  ModelOffload::Move of(const std::string& name) {
    return [this, name](c10::Device device) {
      log.push_back(name + (device.is_cpu() ? " out" : " in"));
      if (name == failing && !device.is_cpu()) throw std::bad_alloc();
    };
  }

  std::vector<std::string> log;
  std::string failing;
};

TEST(ModelOffloadTest, OneModelAtATimeIsOnTheDevice) {
  Moves moves;
  ModelOffload offload(kGpu);
  for (const char* name : {"text_encoder", "unet", "reward"}) offload.add(name, moves.of(name));
  for (const char* name : {"text_encoder", "text_encoder", "unet", "reward", "unet"}) {
    offload.use(name);
  }
  EXPECT_EQ(moves.log,
            (std::vector<std::string>{"text_encoder in", "text_encoder out", "unet in", "unet out",
                                      "reward in", "reward out", "unet in"}));
}

TEST(ModelOffloadTest, OnTheCpuNothingMoves) {
  Moves moves;
  ModelOffload offload((c10::Device(c10::kCPU)));
  offload.add("unet", moves.of("unet"));
  offload.use("unet");
  EXPECT_TRUE(moves.log.empty());
}

TEST(ModelOffloadTest, AMoveThatRunsOutOfMemoryLeavesTheDeviceEmpty) {
  Moves moves;
  ModelOffload offload(kGpu);
  for (const char* name : {"unet", "refiner"}) offload.add(name, moves.of(name));
  offload.use("unet");
  moves.failing = "refiner";
  EXPECT_THROW(offload.use("refiner"), std::bad_alloc);
  moves.failing.clear();
  moves.log.clear();
  offload.use("unet");
  EXPECT_EQ(moves.log, (std::vector<std::string>{"unet in"}));
}

// The meta device stands in for another one.
TEST(ModuleMoveTest, Nf4BlocksAndAdaptersMoveWithTheirLayer) {
  const at::NoGradGuard no_grad;
  Linear packed(64, 2, /*bias=*/false);
  packed->weight.normal_();
  packed->quantize_nf4();
  packed->add_lora({"a", at::randn({3, 64}), at::randn({2, 3}), 0.5});
  const c10::Device elsewhere(c10::kMeta);
  module_move(packed.ptr())(elsewhere);
  EXPECT_EQ(packed->device(), elsewhere);
  EXPECT_TRUE(packed->lora()[0].lora_A.is_meta());
  EXPECT_TRUE(packed->lora()[0].lora_B.is_meta());
}

TEST(ModuleMoveTest, WeightsComeBackAsTheyWereWithoutACopy) {
  const at::NoGradGuard no_grad;
  Linear layer(4, 6);
  const void* weight = layer->weight.data_ptr();
  const void* bias = layer->bias.data_ptr();
  const ModelOffload::Move move = module_move(layer.ptr());
  // Parameters cannot go to the meta device: the move fails half-way, as for want of memory.
  EXPECT_THROW(move(c10::Device(c10::kMeta)), c10::Error);
  layer->weight.set_data(at::zeros({6, 4}));
  move(c10::Device(c10::kCPU));
  EXPECT_EQ(layer->weight.data_ptr(), weight);
  EXPECT_EQ(layer->bias.data_ptr(), bias);
}

TEST(ModuleMoveTest, AModelThatWasWidenedWhileItWasAwayComesBackWidened) {
  const at::NoGradGuard no_grad;
  Linear layer(4, 6);
  layer->weight.normal_();
  layer->to(at::kHalf);
  const at::Tensor half = layer->weight.detach().clone();
  const ModelOffload::Move move = module_move(layer.ptr());
  EXPECT_THROW(move(c10::Device(c10::kMeta)), c10::Error);
  layer->to(at::kFloat);
  move(c10::Device(c10::kCPU));
  EXPECT_TRUE(at::equal(layer->weight, half.to(at::kFloat)));
  EXPECT_EQ(layer->bias.scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace omr::nn
