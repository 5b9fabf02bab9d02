#include "omr/eval/session_memory.h"

#include "omr/core/error.h"

namespace omr::eval {
namespace {

[[noreturn]] void fail_missing(const std::string& path) {
  throw Error(ErrorKind::io, "cannot read " + path + ": this session keeps no files");
}

}  // namespace

bool JournalMemory::exists(const std::filesystem::path& path) {
  return files_.count(path.string()) != 0;
}

std::string JournalMemory::read(const std::filesystem::path& path, std::size_t) {
  const auto file = files_.find(path.string());
  if (file == files_.end()) fail_missing(path.string());
  return file->second;
}

void JournalMemory::append(const std::filesystem::path& path, std::string_view bytes) {
  files_[path.string()] += bytes;
}

void JournalMemory::truncate(const std::filesystem::path& path, std::uint64_t size) {
  files_[path.string()].resize(size);
}

std::unique_ptr<session::FileLock> JournalMemory::lock(const std::filesystem::path&) {
  return std::make_unique<session::FileLock>();
}

Image NoArtifacts::decode_image(std::string_view, const std::string& where) { fail_missing(where); }

std::vector<Latents> NoArtifacts::decode_latents(std::string_view, const std::string& where) {
  fail_missing(where);
}

}  // namespace omr::eval
