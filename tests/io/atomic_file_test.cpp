#include "omr/io/atomic_file.h"

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder))
    out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

TEST(WriteAtomicallyTest, CreatesAndReplaces) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "f";
  const std::string bytes("a\0b\xff", 4);
  write_atomically(file, bytes);
  EXPECT_EQ(bytes_of(file), bytes);
  write_atomically(file, "");
  EXPECT_EQ(bytes_of(file), "");
  const std::string large(3'000'000, 'x');
  write_atomically(file, large);
  EXPECT_EQ(bytes_of(file), large);
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"f"});
}

TEST(WriteAtomicallyTest, LeavesAnOpenReaderItsOldContent) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("f", "old");
  std::ifstream reader(file);
  write_atomically(file, "new and longer");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old");
  EXPECT_EQ(bytes_of(file), "new and longer");
}

TEST(WriteAtomicallyTest, WritesANameWithoutAFolderIntoTheCurrentOne) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_atomically("f", "here");
  fs::current_path(before);
  EXPECT_EQ(bytes_of(folder.path() / "f"), "here");
}

TEST(WriteAtomicallyTest, TakesTheLongestNameThatTheFileSystemTakes) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / std::string(255, 'n');
  write_atomically(file, "x");
  EXPECT_EQ(bytes_of(file), "x");
}

TEST(WriteAtomicallyTest, FollowsNoLinkThatAStrangerLaidOut) {
  const TemporaryFolder folder, outside;
  const fs::path victim = outside.write("victim", "kept");
  const fs::path file = folder.path() / "f";
  fs::create_symlink(victim, file);
  fs::create_symlink(victim, file.string() + ".part-" + std::to_string(::getpid()));
  write_atomically(file, "x");
  EXPECT_EQ(bytes_of(victim), "kept");
  EXPECT_EQ(bytes_of(file), "x");
  EXPECT_FALSE(fs::is_symlink(file));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"f"});
}

TEST(WriteAtomicallyTest, LeavesNothingBehindWhenTheTargetIsAFolder) {
  const TemporaryFolder folder;
  folder.write("target/inside", "kept");
  const fs::path target = folder.path() / "target";
  const Error error = error_of([&] { write_atomically(target, "x"); });
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_TRUE(says(error, target.string())) << error.what();
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"target"});
  EXPECT_EQ(bytes_of(target / "inside"), "kept");
}

TEST(WriteAtomicallyTest, NamesTheTargetAndTheCauseWhereNothingCanBeCreated) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("file", "kept");
  for (const fs::path& target :
       {folder.path() / "absent" / "f", file / "f", fs::path("/proc/omr-test")}) {
    const Error error = error_of([&] { write_atomically(target, "x"); });
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_TRUE(says(error, target.string() + ": ")) << error.what();
  }
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"file"});
  EXPECT_EQ(bytes_of(file), "kept");
}

TEST(WriteAtomicallyTest, RefusesAFolderWithoutWritePermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const Error error = error_of([&] { write_atomically(folder.path() / "f", "x"); });
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_EQ(error.kind(), ErrorKind::io);
  EXPECT_TRUE(says(error, "Permission denied")) << error.what();
  EXPECT_TRUE(names_in(folder.path()).empty());
}

// A write that the system takes only in part and then refuses, as on a full disk.
TEST(WriteAtomicallyTest, KeepsTheOldFileWhenAWriteFailsHalfway) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("f", "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 10'000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string bytes(50'000, 'x');
  const Error error = error_of([&] { write_atomically(file, bytes); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(says(error, file.string() + ": File too large")) << error.what();
  EXPECT_EQ(bytes_of(file), "old");
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"f"});
}

TEST(RemoveUnfinishedTest, TakesWhatDeadProcessesLeftAndNothingElse) {
  const TemporaryFolder folder;
  const std::string dead = "f.png.part-4194305";  // above Linux's largest process id
  const std::string alive = "f.png.part-" + std::to_string(::getppid());
  for (const std::string& name : {dead, alive, std::string("f.part-"), std::string("f.part-1x")})
    folder.write(name, "x");
  remove_unfinished(folder.path());
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"f.part-", "f.part-1x", alive}));
  remove_unfinished(folder.path() / "nothing");
}

TEST(WriteAtomicallyTest, ReportsAFullDisk) {
  const TemporaryFolder folder;
  const fs::path disk = folder.path() / "disk";
  fs::create_directory(disk);
  if (::mount("omr-test", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "mounting a small file system takes root's rights";
  }
  write_atomically(disk / "f", "old");
  const std::string bytes(500'000, 'x');
  const Error error = error_of([&] { write_atomically(disk / "f", bytes); });
  EXPECT_EQ(bytes_of(disk / "f"), "old");
  EXPECT_EQ(names_in(disk), std::vector<std::string>{"f"});
  ::umount(disk.c_str());
  EXPECT_EQ(error.kind(), ErrorKind::resource);
  EXPECT_TRUE(says(error, "No space left")) << error.what();
}

}  // namespace
}  // namespace omr::io
