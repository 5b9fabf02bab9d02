#include "omr/train/checkpoint.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/error_of.h"
#include "support/temporary_folder.h"
#include "train/copy_by_name.h"

namespace omr::train {
namespace {

namespace fs = std::filesystem;

Checkpoint at_step(std::int64_t step) {
  Checkpoint out;
  out.step = step;
  out.settings = {{"lr", 0.1}};
  out.counters = {{"skipped", 2}};
  out.parameters = {{"a", at::full({3}, static_cast<double>(step))}};
  out.optimizer = {{"exp_avg.a", at::ones({3})}};
  return out;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(CheckpointTest, NewestComesBackAndOnlyTheLastTwoAreKept) {
  const TemporaryFolder folder;
  for (const std::int64_t step : {5, 10, 100}) save_checkpoint(folder.path(), at_step(step));
  EXPECT_EQ(entries(folder.path()), 2u);
  const auto found = load_newest_checkpoint(folder.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 100);
  EXPECT_EQ(found->settings, io::Json({{"lr", 0.1}}));
  EXPECT_EQ(found->counters["skipped"], 2);
  EXPECT_EQ(found->parameters[0].second[1].item<float>(), 100);
  EXPECT_EQ(found->optimizer[0].first, "exp_avg.a");
  EXPECT_TRUE(found->ema.empty());
}

TEST(CheckpointTest, UnfinishedAndDamagedOnesArePassedOverForTheOneBefore) {
  const TemporaryFolder folder;
  save_checkpoint(folder.path(), at_step(10));
  save_checkpoint(folder.path(), at_step(20));
  fs::create_directories(folder.path() / "step-00000030.unfinished");
  {
    std::fstream file(folder.path() / "step-00000020/parameters.safetensors",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x7f');
  }
  std::vector<std::string> broken;
  const auto found = load_newest_checkpoint(folder.path(), &broken);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 10);
  EXPECT_EQ(broken, std::vector<std::string>{"step-00000020"});
}

TEST(CheckpointTest, EmptyOrMissingFolderHoldsNone) {
  const TemporaryFolder folder;
  EXPECT_FALSE(load_newest_checkpoint(folder.path()));
  EXPECT_FALSE(load_newest_checkpoint(folder.path() / "not-there"));
}

TEST(CopyByNameTest, EachParameterTakesTheValueOfItsNameInAnyOrder) {
  const at::Tensor wide = at::zeros({3}), narrow = at::zeros({2});
  copy_by_name({{"a", at::ones({2})}, {"b", at::full({3}, 2.0)}}, {{"b", wide}, {"a", narrow}});
  EXPECT_TRUE(at::equal(wide, at::full({3}, 2.0)));
  EXPECT_TRUE(at::equal(narrow, at::ones({2})));
  EXPECT_EQ(error_of([&] {
              copy_by_name({{"a", at::ones({3})}}, {{"a", narrow}});
            }).kind(),
            ErrorKind::mismatch);
}

}  // namespace
}  // namespace omr::train
