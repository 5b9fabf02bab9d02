#include "omr/io/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "omr/core/error.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

// Closes on every way out, and removes the temporary file unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target), name_(name_beside(target)) {
    fd_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) fail("cannot create");
  }
  ~TemporaryFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!renamed_) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot write");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void commit() {
    if (::fsync(fd_) != 0) fail("cannot write");
    const int closed = ::close(fd_);
    fd_ = -1;
    if (closed != 0) fail("cannot write");
    if (::rename(name_.c_str(), target_.c_str()) != 0) fail("cannot create");
    renamed_ = true;
    const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
    const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd >= 0) {  // some file systems cannot sync a folder; the rename itself has happened
      ::fsync(folder_fd);
      ::close(folder_fd);
    }
  }

 private:
  // A longest possible name has no room for an ending.
  static std::string name_beside(const fs::path& target) {
    constexpr std::size_t kMostOfAName = 200;
    const std::string name = target.filename().string().substr(0, kMostOfAName);
    return fs::path(target).replace_filename(name).string() + ".part-" + std::to_string(::getpid());
  }

  [[noreturn]] void fail(const char* what) const {
    const int cause = errno;
    const bool full = cause == ENOSPC || cause == EDQUOT;
    throw Error(full ? ErrorKind::resource : ErrorKind::io,
                std::string(what) + " " + target_.string() + ": " + std::strerror(cause));
  }

  fs::path target_;
  std::string name_;
  int fd_ = -1;
  bool renamed_ = false;
};

}  // namespace

void write_atomically(const fs::path& path, std::string_view bytes) {
  TemporaryFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace omr::io
