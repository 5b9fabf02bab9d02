#include "omr/io/sha256.h"

#include <string>

#include <gtest/gtest.h>

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::io {
namespace {

TEST(Sha256Test, MatchesTheExamplesOfFips180) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, OfAFileIsThatOfItsBytes) {
  const TemporaryFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20,
                                 (std::size_t{1} << 20) + 1, std::size_t{3'000'000}}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * i >> 3);
    EXPECT_EQ(sha256_file(folder.write("f", bytes)), sha256(bytes)) << size;
  }
}

TEST(Sha256Test, NamesTheFileThatCannotBeRead) {
  const TemporaryFolder folder;
  for (const auto& path : {folder.path() / "absent", folder.path()}) {
    const Error error = error_of([&] { sha256_file(path); });
    EXPECT_EQ(error.kind(), ErrorKind::io);
    EXPECT_TRUE(says(error, path.string())) << error.what();
  }
}

}  // namespace
}  // namespace omr::io
