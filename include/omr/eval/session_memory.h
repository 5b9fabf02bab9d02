// A session's surroundings without a disk: an experiment of thousands of dialogues leaves no files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "omr/session/artifact_codec.h"
#include "omr/session/file_system.h"

namespace omr::eval {

// Keeps the journal, and of other files what NoArtifacts makes of them: that they are there.
class JournalMemory : public session::FileSystem {
 public:
  void create_folder(const std::filesystem::path&) override {}
  bool exists(const std::filesystem::path& path) override;
  std::string read(const std::filesystem::path& path, std::size_t limit) override;
  std::string sha256(const std::filesystem::path&) override { return {}; }
  void write_atomically(const std::filesystem::path& path, std::string_view bytes) override {
    files_[path.string()] = bytes;
  }
  void append(const std::filesystem::path& path, std::string_view bytes) override;
  void truncate(const std::filesystem::path& path, std::uint64_t size) override;
  void remove(const std::filesystem::path& path) override { files_.erase(path.string()); }
  std::vector<std::string> list(const std::filesystem::path&) override { return {}; }
  void remove_leftovers(const std::filesystem::path&) override {}
  std::unique_ptr<session::FileLock> lock(const std::filesystem::path&) override;

  void clear() { files_.clear(); }

 private:
  std::map<std::string, std::string> files_;
};

// Makes no bytes: nobody reads the files of such a session.
class NoArtifacts : public session::ArtifactCodec {
 public:
  std::string encode_image(const Image&,
                           const std::vector<std::pair<std::string, std::string>>&) override {
    return {};
  }
  Image decode_image(std::string_view, const std::string& where) override;
  std::string encode_latents(const std::vector<Latents>&) override { return {}; }
  std::vector<Latents> decode_latents(std::string_view, const std::string& where) override;
  std::string sha256(std::string_view) override { return {}; }
};

}  // namespace omr::eval
