#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "omr/io/json_file.h"
#include "omr/io/picture_file.h"
#include "omr/io/safetensors.h"
#include "omr/io/sha256.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

// Whoever waits for the pipe's writer never ends.
TEST(InputFileTest, NoReaderWaitsForAPipe) {
  const TemporaryFolder folder;
  const std::string pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string link = folder.path() / "link";
  std::filesystem::create_symlink(pipe, link);
  for (const std::string& path : {pipe, link}) {
    for (const Error& error :
         {error_of([&] { read_text(path); }), error_of([&] { read_json(path); }),
          error_of([&] { read_picture(path); }), error_of([&] { sha256_file(path); }),
          error_of([&] { SafetensorsFile::open(path); })}) {
      EXPECT_EQ(error.kind(), ErrorKind::io);
      EXPECT_TRUE(says(error, path + ": not a regular file")) << error.what();
    }
  }
}

TEST(InputFileTest, APictureThatAFileNamesIsNeverADescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string name = "/dev/fd/" + std::to_string(ends[0]);
  const Error error = error_of([&] { read_picture(name); });
  EXPECT_TRUE(says(error, "not a regular file")) << error.what();
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace omr::io
