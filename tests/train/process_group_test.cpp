#include "omr/train/process_group.h"

#include <cstdlib>
#include <functional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/error_of.h"

namespace omr::train {
namespace {

constexpr const char* kVariables[] = {"RANK",
                                      "WORLD_SIZE",
                                      "MASTER_ADDR",
                                      "MASTER_PORT",
                                      "SLURM_PROCID",
                                      "SLURM_NTASKS",
                                      "TORCHELASTIC_USE_AGENT_STORE"};

class ProcessGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kVariables) ::unsetenv(name);
  }
  void TearDown() override { SetUp(); }
};

TEST_F(ProcessGroupTest, AloneWithoutAnEnvironment) {
  ProcessGroup alone = ProcessGroup::from_environment();
  EXPECT_EQ(alone.size(), 1);
  EXPECT_TRUE(alone.is_first());
  EXPECT_EQ(alone.all_reduce(2.5), 2.5);
}

TEST_F(ProcessGroupTest, HalfADescriptionIsRefused) {
  ::setenv("RANK", "1", 1);
  EXPECT_TRUE(says(error_of([] { ProcessGroup::from_environment(); }), "WORLD_SIZE"));
  ::setenv("WORLD_SIZE", "two", 1);
  EXPECT_TRUE(says(error_of([] { ProcessGroup::from_environment(); }), "WORLD_SIZE=two"));
}

void join(int rank, int port) {
  ::setenv("RANK", std::to_string(rank).c_str(), 1);
  ::setenv("WORLD_SIZE", "2", 1);
  ::setenv("MASTER_ADDR", "127.0.0.1", 1);
  ::setenv("MASTER_PORT", std::to_string(port).c_str(), 1);
}

// Exit status of a process that finds what it should: gtest's own does not cross a fork.
int as_process(int rank, int port) {
  join(rank, port);
  ProcessGroup group = ProcessGroup::from_environment();
  const at::Tensor a = at::full({2, 3}, rank + 1.0),
                   b = at::full({4, 3, 2, 2}, 10.0 * rank)
                           .contiguous(at::MemoryFormat::ChannelsLast);
  group.all_reduce({a, b});
  if (!a.eq(3).all().item<bool>() || !b.eq(10).all().item<bool>()) return 2;
  const at::Tensor c = at::full({3}, static_cast<double>(rank));
  group.broadcast({c});
  if (!c.eq(0).all().item<bool>()) return 3;
  return group.all_reduce(0.5) == 1.0 ? 0 : 4;
}

// The second one ends without a word; exit status of the first one, which must be told so.
int left_alone(int rank, int port) {
  join(rank, port);
  ProcessGroup group = ProcessGroup::from_environment();
  group.all_reduce(1.0);
  if (rank == 1) ::_exit(0);
  try {
    for (int i = 0; i < 3; ++i) group.all_reduce(1.0);
  } catch (const Error& error) {
    const std::string said = error.what();
    return says(error, "process 0 of 2 lost the others") && said.find('\n') == std::string::npos
               ? 0
               : 5;
  }
  return 6;
}

void expect_success_of_two(int (*work)(int rank, int port)) {
  static int runs = 0;
  const int port = 20000 + (::getpid() + 7919 * runs++) % 20000;
  ::pid_t children[2];
  for (int rank = 0; rank < 2; ++rank) {
    children[rank] = ::fork();
    if (children[rank] == 0) {
      try {
        ::_exit(work(rank, port));
      } catch (const std::exception& error) {
        ::write(2, error.what(), std::char_traits<char>::length(error.what()));
        ::_exit(1);
      }
    }
  }
  for (const ::pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
}

TEST_F(ProcessGroupTest, TwoProcessesHoldTheSumAndWhatTheFirstOneDid) {
  expect_success_of_two(as_process);
}

TEST_F(ProcessGroupTest, AProcessIsToldInOneLineThatAnotherEnded) {
  expect_success_of_two(left_alone);
}

}  // namespace
}  // namespace omr::train
