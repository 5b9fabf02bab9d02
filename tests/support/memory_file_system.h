// A disk in memory that can be full, or die, at any chosen write.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "omr/core/error.h"
#include "omr/session/file_system.h"

namespace omr::fakes {

// Thrown by every operation once the machine has died; no omr::Error, so that nothing handles it.
struct PowerCut : std::runtime_error {
  PowerCut() : std::runtime_error("power cut") {}
};

class MemoryFileSystem : public session::FileSystem {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> cleared;  // folders whose leftovers were removed

  // The n-th write from here on (from 1) fails: an append leaves `torn` of its bytes, an atomic
  // write nothing. Once only, or from then on.
  void disk_full_at(int n, bool stays_full = false) {
    full_at_ = writes_ + n, stays_full_ = stays_full;
  }
  // The machine dies in the n-th write, `torn` bytes of an append survive.
  void die_at(int n, std::size_t torn = 0) { dies_at_ = writes_ + n, torn_ = torn; }
  void restart() {
    dead_ = false;
    dies_at_.reset();
    full_at_.reset();
    locked_->clear();
  }
  int writes() const { return writes_; }
  bool dead() const { return dead_; }
  const std::string& at(const std::filesystem::path& path) const { return files.at(path.string()); }

  void create_folder(const std::filesystem::path&) override { alive(); }
  bool exists(const std::filesystem::path& path) override {
    alive();
    return files.count(path.string()) != 0;
  }
  std::string read(const std::filesystem::path& path, std::size_t limit) override {
    alive();
    const auto file = files.find(path.string());
    if (file == files.end())
      throw Error(ErrorKind::io, "cannot read " + path.string() + ": no such file");
    if (file->second.size() > limit) throw Error(ErrorKind::format, path.string() + " is too long");
    return file->second;
  }
  // Tells contents apart, no more.
  std::string sha256(const std::filesystem::path& path) override {
    alive();
    const auto file = files.find(path.string());
    return file == files.end() ? "" : "sha256 of " + file->second;
  }
  void write_atomically(const std::filesystem::path& path, std::string_view bytes) override {
    alive();
    before_write(path, "", 0);
    files[path.string()] = bytes;
  }
  void append(const std::filesystem::path& path, std::string_view bytes) override {
    alive();
    before_write(path, bytes, torn_);
    files[path.string()] += bytes;
  }
  void truncate(const std::filesystem::path& path, std::uint64_t size) override {
    alive();
    before_write(path, "", 0);
    files.at(path.string()).resize(size);
  }
  void remove(const std::filesystem::path& path) override {
    alive();
    before_write(path, "", 0);
    files.erase(path.string());
  }
  std::vector<std::string> list(const std::filesystem::path& path) override {
    alive();
    std::set<std::string> names;
    const std::string folder = path.string() + "/";
    for (const auto& [name, unused] : files) {
      if (name.compare(0, folder.size(), folder) == 0)
        names.insert(name.substr(folder.size(), name.find('/', folder.size()) - folder.size()));
    }
    return {names.begin(), names.end()};
  }
  void remove_leftovers(const std::filesystem::path& path) override {
    alive();
    cleared.insert(path.string());
  }
  std::unique_ptr<session::FileLock> lock(const std::filesystem::path& path) override {
    alive();
    if (!locked_->insert(path.string()).second) {
      throw Error(ErrorKind::usage, path.string() + " is held by another process");
    }
    return std::make_unique<Lock>(locked_, path.string());
  }

 private:
  struct Lock : session::FileLock {
    Lock(std::shared_ptr<std::set<std::string>> locked, std::string path)
        : locked(std::move(locked)), path(std::move(path)) {}
    ~Lock() override { locked->erase(path); }
    std::shared_ptr<std::set<std::string>> locked;
    std::string path;
  };

  void alive() const {
    if (dead_) throw PowerCut();
  }
  void before_write(const std::filesystem::path& path, std::string_view appended,
                    std::size_t torn) {
    ++writes_;
    const bool dies = dies_at_ && writes_ == *dies_at_;
    const bool full = full_at_ && (writes_ == *full_at_ || (stays_full_ && writes_ > *full_at_));
    if ((dies || full) && !appended.empty()) {
      files[path.string()] += appended.substr(0, full ? appended.size() / 2 : torn);
    }
    if (dies) {
      dead_ = true;
      throw PowerCut();
    }
    if (full) throw Error(ErrorKind::resource, "cannot write " + path.string() + ": no space left");
  }

  std::shared_ptr<std::set<std::string>> locked_ = std::make_shared<std::set<std::string>>();
  std::optional<int> full_at_;
  std::optional<int> dies_at_;
  bool stays_full_ = false;
  std::size_t torn_ = 0;
  bool dead_ = false;
  int writes_ = 0;
};

}  // namespace omr::fakes
