#include "omr/train/training_loop.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"
#include "omr/nn/linear.h"
#include "omr/train/process_group.h"
#include "omr/train/sample_random.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::train {
namespace {

// Learns a fixed linear map from noisy samples: enough to show every part of the loop.
class TrainingLoopTest : public testing::Test {
 protected:
  LoopSettings settings(const std::string& name) const {
    LoopSettings out;
    out.out = folder_.path() / name;
    out.steps = 12;
    out.batch_size = 4;
    out.learning_rate = {0.05, LearningRateShape::cosine, 2, 0.3};
    out.ema.decay = 0.9;
    out.seed = 3;
    out.checkpoint_every = 5;
    out.log_every = 2;
    out.evaluate_every = 4;
    return out;
  }

  // Returns the weights, then their average.
  std::vector<at::Tensor> run(const LoopSettings& settings,
                              const std::function<void(std::int64_t)>& before_step = {},
                              const Cancellation& cancellation = {}) {
    nn::Linear linear(3, 2);
    {
      const at::NoGradGuard no_grad;
      linear->weight.fill_(0.25);
      linear->bias.fill_(0);
    }
    std::vector<at::Tensor> out;
    Trainee trainee;
    trainee.name = "line";
    trainee.groups = {{make_trainable(*linear, c10::kCPU), 1.0}};
    trainee.settings = {{"extra", 1}};
    const at::Tensor beside = at::zeros({3}).requires_grad_(true);
    if (with_large_gradients_beside_)
      trainee.groups.push_back({.parameters = {{"beside", beside}}, .clipped_apart = true});
    trainee.loss = [&](const MicroBatch& batch) {
      if (before_step) before_step(batch.step);
      std::vector<at::Tensor> inputs;
      for (const std::uint64_t position : batch.positions) {
        positions_.push_back(position);
        inputs.push_back(
            at::randn({3}, generator_for(settings.seed, Purpose::sample, position), at::kFloat));
      }
      const at::Tensor x = at::stack(inputs);
      const at::Tensor wanted = x.narrow(1, 0, 2) * 2 - 1;
      at::Tensor sum = (linear(x) - wanted).square().sum(1).sum();
      if (with_large_gradients_beside_) sum = sum + (1e6 * beside).sum();
      if (poison_.contains(batch.step)) sum = sum * std::numeric_limits<double>::quiet_NaN();
      return MicroLoss{sum, static_cast<double>(batch.positions.size()), {{"twice", 2.0}}};
    };
    trainee.evaluate = [&](std::int64_t step) {
      looks_.push_back(step);
      if (step == unreadable_look_) throw Error(ErrorKind::io, "cannot read held-out.png");
      Evaluation evaluation;
      evaluation.metrics["held_out"] = static_cast<double>(step);
      evaluation.pictures.emplace_back("a <b> & c", Image{2, 1, {1, 2, 3, 4, 5, 6}});
      return evaluation;
    };
    trainee.save = [&] { out.push_back(linear->weight.detach().clone()); };
    ProcessGroup alone;
    LoopObserver observer;
    observer.on_step = [&](const StepReport& step) { losses_.push_back(step.loss); };
    observer.on_message = [&](const std::string& message) { messages_.push_back(message); };
    try {
      run_training(settings, trainee, alone, observer, cancellation);
    } catch (const Error&) {
      error_ = std::current_exception();
    }
    out.insert(out.begin(), linear->weight.detach().clone());
    return out;
  }

  std::string error() const {
    if (!error_) return "";
    try {
      std::rethrow_exception(error_);
    } catch (const Error& error) {
      return error.what();
    }
  }

  TemporaryFolder folder_;
  bool with_large_gradients_beside_ = false;
  std::set<std::int64_t> poison_;
  std::vector<std::uint64_t> positions_;
  std::vector<std::int64_t> looks_;
  std::int64_t unreadable_look_ = -1;
  std::vector<double> losses_;
  std::vector<std::string> messages_;
  std::exception_ptr error_;
};

TEST_F(TrainingLoopTest, StoppedAnywhereAndResumedGivesTheBitsOfTheRunNeverStopped) {
  const std::vector<at::Tensor> whole = run(settings("whole"));
  ASSERT_EQ(whole.size(), 2u);
  EXPECT_FALSE(at::equal(whole[0], whole[1])) << "the average should differ from the weights";
  for (const std::int64_t stop : {1, 5, 8}) {
    SCOPED_TRACE(stop);
    LoopSettings parted = settings("parted" + std::to_string(stop));
    // As after kill -9: nothing behind the last checkpoint was saved.
    struct Killed {};
    EXPECT_THROW(run(parted,
                     [&](std::int64_t step) {
                       if (step == stop) throw Killed();
                     }),
                 Killed);
    parted.resume = true;
    const std::vector<at::Tensor> resumed = run(parted);
    EXPECT_EQ(error(), "");
    EXPECT_TRUE(at::equal(whole[0], resumed[0]));
    EXPECT_TRUE(at::equal(whole[1], resumed[1]));
    EXPECT_EQ(bytes_of(parted.out / "checkpoints/step-00000012/ema.safetensors"),
              bytes_of(settings("whole").out / "checkpoints/step-00000012/ema.safetensors"));
    EXPECT_EQ(bytes_of(parted.out / "checkpoints/step-00000012/optimizer.safetensors"),
              bytes_of(settings("whole").out / "checkpoints/step-00000012/optimizer.safetensors"));
  }
}

TEST_F(TrainingLoopTest, AccumulationEqualsOneLargeBatch) {
  LoopSettings parts = settings("parts");
  parts.batch_size = 2;
  parts.accumulate = 2;
  const at::Tensor large = run(settings("large"))[0];
  EXPECT_TRUE(at::allclose(run(parts)[0], large, 1e-5, 1e-6));
}

TEST_F(TrainingLoopTest, GradientsClippedApartLeaveTheOthersStepsAsTheyAre) {
  const at::Tensor alone = run(settings("alone"))[0];
  with_large_gradients_beside_ = true;
  EXPECT_TRUE(at::equal(run(settings("beside"))[0], alone));
  const auto state = io::SafetensorsFile::open(settings("beside").out /
                                               "checkpoints/step-00000012/optimizer.safetensors");
  // Clipped to a norm of 1, the same at every step.
  EXPECT_NEAR(state->tensor("exp_avg.beside").norm().item<double>(), 1 - std::pow(0.9, 12), 1e-4);
}

TEST_F(TrainingLoopTest, LearnsAndSaysSo) {
  LoopSettings longer = settings("longer");
  longer.steps = 200;
  longer.evaluate_every = 100;
  run(longer);
  EXPECT_LT(losses_.back(), 0.05 * losses_.front());
  std::vector<io::Json> lines;
  std::istringstream text(bytes_of(longer.out / "train.jsonl"));
  for (std::string line; std::getline(text, line);) lines.push_back(io::Json::parse(line));
  EXPECT_EQ(lines.front()["step"], 1);
  EXPECT_EQ(lines.front()["twice"], 2.0);
  EXPECT_EQ(lines.back()["held_out"], 200.0);
  const std::string html = bytes_of(longer.out / "train.html");
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_NE(html.find("a &lt;b&gt; &amp; c"), std::string::npos);
  EXPECT_NE(html.find("data:image/png;base64,iVBOR"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(longer.out / "samples/step-00000200-1.png"));
}

TEST_F(TrainingLoopTest, LogHasEachStepOnceAfterAResume) {
  LoopSettings parted = settings("log");
  struct Killed {};
  EXPECT_THROW(run(parted,
                   [](std::int64_t step) {
                     if (step == 9) throw Killed();
                   }),
               Killed);
  parted.resume = true;
  run(parted);
  std::map<std::int64_t, int> seen;
  std::istringstream text(bytes_of(parted.out / "train.jsonl"));
  for (std::string line; std::getline(text, line);) {
    const io::Json json = io::Json::parse(line);
    if (json.contains("loss")) ++seen[json["step"].get<std::int64_t>()];
  }
  for (const auto& [step, count] : seen) EXPECT_EQ(count, 1) << step;
  EXPECT_EQ(seen.rbegin()->first, 12);
}

TEST_F(TrainingLoopTest, FolderWithARunNeedsResumeAndTheSameSettings) {
  LoopSettings again = settings("again");
  run(again);
  run(again);
  EXPECT_NE(error().find("--resume"), std::string::npos) << error();
  again.resume = true;
  again.seed = 4;
  run(again);
  EXPECT_NE(error().find("seed was 3 and is 4"), std::string::npos) << error();
}

TEST_F(TrainingLoopTest, StepsWithoutAValueAreSkippedAndCounted) {
  poison_ = {3, 7};
  run(settings("nan"));
  EXPECT_EQ(error(), "");
  ASSERT_FALSE(messages_.empty());
  EXPECT_EQ(messages_.back(), "2 steps were skipped: their loss had no value");
}

TEST_F(TrainingLoopTest, LossThatStaysWithoutAValueEndsTheRunWithTheLastCheckpointWhole) {
  for (std::int64_t step = 6; step < 40; ++step) poison_.insert(step);
  LoopSettings bad = settings("bad");
  bad.steps = 40;
  run(bad);
  EXPECT_NE(error().find("NaN"), std::string::npos) << error();
  EXPECT_TRUE(std::filesystem::exists(bad.out / "checkpoints/step-00000005"));
  EXPECT_FALSE(std::filesystem::exists(bad.out / "checkpoints/step-00000010"));
}

TEST_F(TrainingLoopTest, InterruptionLeavesACheckpoint) {
  Cancellation cancellation;
  run(
      settings("stopped"),
      [&](std::int64_t step) {
        if (step == 6) cancellation.request();
      },
      cancellation);
  EXPECT_NE(error().find("--resume"), std::string::npos) << error();
  EXPECT_TRUE(std::filesystem::exists(settings("stopped").out / "checkpoints/step-00000007"));
}

TEST_F(TrainingLoopTest, InterruptionAtASkippedStepLeavesACheckpointToo) {
  poison_ = {6};
  Cancellation cancellation;
  run(
      settings("stopped"),
      [&](std::int64_t step) {
        if (step == 6) cancellation.request();
      },
      cancellation);
  EXPECT_TRUE(std::filesystem::exists(settings("stopped").out / "checkpoints/step-00000007"));
}

TEST_F(TrainingLoopTest, ALookThatBreaksOffLosesNoStepAndIsMadeUpForOnResuming) {
  const std::vector<at::Tensor> whole = run(settings("whole"));
  LoopSettings parted = settings("parted");
  unreadable_look_ = 8;
  run(parted);
  EXPECT_EQ(error(), "cannot read held-out.png");
  EXPECT_TRUE(std::filesystem::exists(parted.out / "checkpoints/step-00000008"));
  unreadable_look_ = -1;
  error_ = nullptr;
  looks_.clear();
  parted.resume = true;
  const std::vector<at::Tensor> resumed = run(parted);
  EXPECT_EQ(error(), "");
  EXPECT_EQ(looks_, (std::vector<std::int64_t>{8, 12}));
  EXPECT_TRUE(at::equal(whole[0], resumed[0]));
}

TEST_F(TrainingLoopTest, EverySampleIsSeenOnceInOrder) {
  run(settings("order"));
  for (std::size_t i = 0; i < positions_.size(); ++i) EXPECT_EQ(positions_[i], i);
  EXPECT_EQ(positions_.size(), 48u);
}

TEST(DataOrderTest, EachEpochVisitsEverySampleOnceInAnOrderOfItsOwn) {
  DataOrder order(9, 20);
  std::vector<std::uint64_t> first, second;
  for (std::uint64_t i = 0; i < 20; ++i) first.push_back(order.index(i));
  for (std::uint64_t i = 20; i < 40; ++i) second.push_back(order.index(i));
  EXPECT_NE(first, second);
  EXPECT_EQ(DataOrder(9, 20).index(27), second[7])
      << "a position means the same however it is reached";
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.back(), 19u);
}

}  // namespace
}  // namespace omr::train
