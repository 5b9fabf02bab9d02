#include "cli/disk.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "omr/core/error.h"
#include "omr/io/atomic_file.h"
#include "omr/io/json_file.h"
#include "omr/io/png.h"
#include "omr/io/safetensors.h"
#include "omr/io/sha256.h"

#include "cli/session_models.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, const fs::path& path, int cause) {
  const bool full = cause == ENOSPC || cause == EDQUOT;
  throw Error(full ? ErrorKind::resource : ErrorKind::io,
              what + " " + path.string() + ": " + std::strerror(cause));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, const char* what)
      // A link in a stranger's session folder must not lead a write out of it, and a pipe in it
      // would be waited for.
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644)) {
    if (fd_ < 0 && errno == ELOOP)
      throw Error(ErrorKind::io, std::string(what) + " " + path.string() +
                                     ": it is a link, and a session's files are never links");
    if (fd_ < 0) fail(what, path, errno);
    struct stat status {};
    if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode)) return;
    ::close(fd_);
    throw Error(ErrorKind::io, std::string(what) + " " + path.string() + ": not a regular file");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Keeps the descriptor, and with it the flock.
class HeldLock : public session::FileLock {
 public:
  explicit HeldLock(const fs::path& path) : descriptor_(path, O_RDWR | O_CREAT, "cannot create") {
    if (::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK) fail("cannot lock", path, errno);
    throw Error(ErrorKind::usage, "another omr session is using " + path.parent_path().string());
  }

 private:
  Descriptor descriptor_;
};

}  // namespace

void DiskFileSystem::create_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!fs::is_directory(path)) fail("cannot create the folder", path, code ? code.value() : EEXIST);
}

bool DiskFileSystem::exists(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

std::string DiskFileSystem::read(const fs::path& path, std::size_t limit) {
  return io::read_text(path, limit);
}

std::string DiskFileSystem::sha256(const fs::path& path) {
  // A stranger's journal may name a device or a pipe, which has no end.
  std::error_code code;
  if (!fs::is_regular_file(path, code)) return {};
  try {
    return io::sha256_file(path);
  } catch (const Error&) {
    return {};
  }
}

void DiskFileSystem::write_atomically(const fs::path& path, std::string_view bytes) {
  io::write_atomically(path, bytes);
}

void DiskFileSystem::append(const fs::path& path, std::string_view bytes) {
  const Descriptor file(path, O_WRONLY | O_CREAT | O_APPEND, "cannot open");
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) fail("cannot write", path, errno);
}

void DiskFileSystem::truncate(const fs::path& path, std::uint64_t size) {
  const Descriptor file(path, O_WRONLY, "cannot open");
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0 || ::fsync(file.get()) != 0) {
    fail("cannot shorten", path, errno);
  }
}

void DiskFileSystem::remove(const fs::path& path) {
  std::error_code code;
  fs::remove(path, code);
  if (code) fail("cannot remove", path, code.value());
}

std::vector<std::string> DiskFileSystem::list(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code))
    names.push_back(entry->path().filename().string());
  if (code && code != std::errc::no_such_file_or_directory)
    fail("cannot read the folder", path, code.value());
  std::sort(names.begin(), names.end());
  return names;
}

void DiskFileSystem::remove_leftovers(const fs::path& path) { io::remove_unfinished(path); }

std::unique_ptr<session::FileLock> DiskFileSystem::lock(const fs::path& path) {
  return std::make_unique<HeldLock>(path);
}

std::string SystemClock::now() {
  const std::time_t time = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

double SystemClock::seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string FileCodec::encode_image(const Image& image,
                                    const std::vector<std::pair<std::string, std::string>>& text) {
  return io::encode_png(image, text);
}

Image FileCodec::decode_image(std::string_view bytes, const std::string& where) {
  return io::decode_png(bytes, where);
}

std::string FileCodec::encode_latents(const std::vector<Latents>& latents) {
  io::NamedTensors tensors;
  for (std::size_t i = 0; i < latents.size(); ++i)
    tensors.emplace_back("c" + std::to_string(i + 1), to_tensor(latents[i]));
  return io::encode_safetensors(tensors);
}

std::vector<Latents> FileCodec::decode_latents(std::string_view bytes, const std::string& where) {
  const auto file = io::SafetensorsFile::from_bytes(bytes, where);
  std::vector<Latents> out;
  for (std::size_t i = 1; i <= file->tensors().size(); ++i) {
    const at::Tensor tensor = file->tensor("c" + std::to_string(i));
    if (tensor.scalar_type() != at::kFloat || tensor.dim() < 3 || tensor.dim() > 4) {
      throw Error(ErrorKind::format, where + ": c" + std::to_string(i) + " is not fp32 latents");
    }
    out.push_back(to_latents(tensor));
  }
  return out;
}

std::string FileCodec::sha256(std::string_view bytes) { return io::sha256(bytes); }

}  // namespace omr::cli
