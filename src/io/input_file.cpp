#include "io/input_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "omr/core/error.h"

namespace omr::io {
namespace {

bool names_own_descriptor(const std::string& path) {
  if (path == "/dev/stdin") return true;
  for (const std::string folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.starts_with(folder) && path.size() > folder.size())
      return path.find_first_not_of("0123456789", folder.size()) == std::string::npos;
  }
  return false;
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, InputSource source)
    // Without O_NONBLOCK a named pipe would be waited for before it can be refused.
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd_ < 0) fail(std::strerror(errno));
  struct stat status {};
  std::string refusal;
  if (::fstat(fd_, &status) != 0) {
    refusal = std::strerror(errno);
  } else if (S_ISREG(status.st_mode)) {
    size_ = static_cast<std::size_t>(status.st_size);
  } else if (S_ISDIR(status.st_mode)) {
    refusal = "it is a folder";
  } else if (source == InputSource::regular_file) {
    refusal = "not a regular file";
  } else if (!names_own_descriptor(path.string())) {
    refusal = "not a regular file; a pipe is read as /dev/stdin or /dev/fd/N";
  } else if (::fcntl(fd_, F_SETFL, 0) != 0) {  // its writer may be slow
    refusal = std::strerror(errno);
  }
  if (refusal.empty()) return;
  ::close(fd_);
  fail(refusal);
}

InputFile::~InputFile() { ::close(fd_); }

std::size_t InputFile::read(char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = ::read(fd_, to, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) fail(std::strerror(errno));
  }
}

std::string InputFile::read_all(std::size_t limit) {
  // A pipe has no size to ask for, and a file may grow, so the limit holds while reading.
  std::string text;
  text.reserve(std::min(size_, limit));
  std::vector<char> piece(1 << 16);
  while (const std::size_t got = read(piece.data(), piece.size())) {
    text.append(piece.data(), got);
    if (text.size() > limit) {
      throw Error(ErrorKind::format, path_.string() + " is longer than the " +
                                         std::to_string(limit) + " bytes expected");
    }
  }
  return text;
}

void InputFile::fail(const std::string& cause) const {
  throw Error(ErrorKind::io, "cannot read " + path_.string() + ": " + cause);
}

}  // namespace omr::io
