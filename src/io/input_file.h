// Files opened for reading, under names that may be a stranger's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace omr::io {

// What a path may lead to. A pipe or device that a stranger's file or folder names could keep its
// reader waiting without end, so one is read only where the person handed it over: as /dev/stdin,
// /dev/fd/N (what a shell puts for "<(command)") or /proc/self/fd/N.
enum class InputSource { regular_file, regular_file_or_own_descriptor };

class InputFile {
 public:
  // Returns at once, whatever lies there. Throws Error(io).
  explicit InputFile(const std::filesystem::path& path,
                     InputSource source = InputSource::regular_file);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int descriptor() const { return fd_; }
  std::size_t size() const { return size_; }  // bytes; 0 for a pipe
  // Up to `size` bytes; 0 at the end. Throws Error(io).
  std::size_t read(char* to, std::size_t size);
  // What is left. Throws Error(io), Error(format) when it is more than `limit` bytes.
  std::string read_all(std::size_t limit);

 private:
  [[noreturn]] void fail(const std::string& cause) const;

  std::filesystem::path path_;
  int fd_;
  std::size_t size_ = 0;
};

}  // namespace omr::io
