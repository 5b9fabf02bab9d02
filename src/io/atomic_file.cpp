#include "omr/io/atomic_file.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "omr/core/error.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".part-";  // and the writer's process id

// Closes on every way out, and removes the temporary file unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target), name_(name_beside(target)) {
    // The name can be guessed: a link that a stranger's folder has under it must not be followed.
    ::unlink(name_.c_str());
    fd_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
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
    return fs::path(target).replace_filename(name).string() + std::string(kUnfinished) +
           std::to_string(::getpid());
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

// The process that was writing the file of this name; 0 when it is no temporary file.
pid_t writer_of(std::string_view name) {
  const std::size_t mark = name.rfind(kUnfinished);
  if (mark == std::string_view::npos) return 0;
  const std::string_view digits = name.substr(mark + kUnfinished.size());
  pid_t pid = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return read.ec == std::errc() && read.ptr == digits.data() + digits.size() ? pid : 0;
}

}  // namespace

void write_atomically(const fs::path& path, std::string_view bytes) {
  TemporaryFile file(path);
  file.write(bytes);
  file.commit();
}

void remove_unfinished(const fs::path& folder) {
  std::vector<fs::path> dead;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end;
       entry.increment(code)) {
    const pid_t writer = writer_of(entry->path().filename().string());
    // Process ids are used again: a file of this process's id is a dead namesake's as well, for
    // its own are gone before anybody calls this.
    const bool lives = writer != ::getpid() && (::kill(writer, 0) == 0 || errno != ESRCH);
    if (writer > 0 && !lives) dead.push_back(entry->path());
  }
  for (const fs::path& file : dead) ::unlink(file.c_str());
}

}  // namespace omr::io
