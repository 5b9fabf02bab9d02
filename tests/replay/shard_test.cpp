#include "omr/replay/shard.h"

#include <map>

#include <gtest/gtest.h>

#include "support/error_of.h"

namespace omr::replay {
namespace {

LaunchedShard launched(const std::map<std::string, std::string>& variables) {
  return shard_of_environment([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

Shard of(const std::map<std::string, std::string>& variables) { return launched(variables).shard; }

TEST(ShardTest, CountsFromOneAsSplitDoes) {
  EXPECT_EQ(parse_shard("1/3"), (Shard{0, 3}));
  EXPECT_EQ(parse_shard("3/3"), (Shard{2, 3}));
  EXPECT_EQ(parse_shard("3/3").text(), "3/3");
  for (const char* wrong : {"0/2", "3/2", "1", "1/", "/2", "-1/2", "1/2x", "a/b", "1/0", ""}) {
    EXPECT_EQ(error_of([&] { parse_shard(wrong); }).kind(), ErrorKind::usage) << wrong;
  }
}

TEST(ShardTest, EveryDialogueIsInOneShard) {
  for (std::size_t position = 0; position < 20; ++position) {
    int holders = 0;
    for (int i = 0; i < 3; ++i) holders += Shard{i, 3}.holds(position);
    EXPECT_EQ(holders, 1);
  }
  EXPECT_TRUE(Shard{}.holds(7));
}

TEST(ShardTest, LaunchersSayWhichPartIsMeant) {
  EXPECT_EQ(of({}), Shard{});
  EXPECT_EQ(of({{"RANK", "2"}, {"WORLD_SIZE", "4"}}), (Shard{2, 4}));
  EXPECT_EQ(of({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}), (Shard{1, 2}));
  EXPECT_EQ(of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}),
            (Shard{0, 2}));
  EXPECT_EQ(of({{"RANK", "3"}}), Shard{});
  EXPECT_EQ(launched({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}).variables,
            "SLURM_PROCID and SLURM_NTASKS");
  EXPECT_EQ(launched({}).variables, "");
  EXPECT_EQ(error_of([] { of({{"RANK", "4"}, {"WORLD_SIZE", "4"}}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([] { of({{"RANK", "x"}, {"WORLD_SIZE", "4"}}); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace omr::replay
