// What a session asks of the disk. Narrow, so that a test can put a full disk or a dying machine
// behind every single write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

// Holds a lock while it lives.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Every function throws Error(io) naming the path and the cause, Error(resource) when the disk is
// full.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual void create_folder(const std::filesystem::path& path) = 0;  // and its parents
  virtual bool exists(const std::filesystem::path& path) = 0;
  // The whole file; Error(format) when it is longer than `limit` bytes.
  virtual std::string read(const std::filesystem::path& path, std::size_t limit) = 0;
  // SHA-256 of the file in lower-case hexadecimal; empty when it is no
  // regular file or cannot be read.
  virtual std::string sha256(const std::filesystem::path& path) = 0;
  // Temporary file, fsync, rename: `path` holds the old or the new bytes, whatever happens.
  virtual void write_atomically(const std::filesystem::path& path, std::string_view bytes) = 0;
  // Writes at the end of the file (created if missing) and returns once the bytes are on disk
  // (fsync). When it throws or the machine dies, any prefix of `bytes` may have been written.
  virtual void append(const std::filesystem::path& path, std::string_view bytes) = 0;
  // Cuts the file to its first `size` bytes, durably.
  virtual void truncate(const std::filesystem::path& path, std::uint64_t size) = 0;
  // Removes the file; one that is not there is no error.
  virtual void remove(const std::filesystem::path& path) = 0;
  // Names of the files and folders in `path`, sorted; none when there is no such folder.
  virtual std::vector<std::string> list(const std::filesystem::path& path) = 0;
  // Removes what atomic writes of processes that died left in the folder `path`.
  virtual void remove_leftovers(const std::filesystem::path& path) = 0;
  // Takes an exclusive lock (flock, so that a crash frees it); Error(usage) when another holds it.
  virtual std::unique_ptr<FileLock> lock(const std::filesystem::path& path) = 0;
};

}  // namespace omr::session
