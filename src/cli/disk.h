// The real disk, clock and file formats behind the interfaces that sessions own.
#pragma once

#include "omr/session/artifact_codec.h"
#include "omr/session/clock.h"
#include "omr/session/file_system.h"

namespace omr::cli {

class DiskFileSystem : public session::FileSystem {
 public:
  void create_folder(const std::filesystem::path& path) override;
  bool exists(const std::filesystem::path& path) override;
  std::string read(const std::filesystem::path& path, std::size_t limit) override;
  std::string sha256(const std::filesystem::path& path) override;
  void write_atomically(const std::filesystem::path& path, std::string_view bytes) override;
  void append(const std::filesystem::path& path, std::string_view bytes) override;
  void truncate(const std::filesystem::path& path, std::uint64_t size) override;
  void remove(const std::filesystem::path& path) override;
  std::vector<std::string> list(const std::filesystem::path& path) override;
  void remove_leftovers(const std::filesystem::path& path) override;
  std::unique_ptr<session::FileLock> lock(const std::filesystem::path& path) override;
};

class SystemClock : public session::Clock {
 public:
  std::string now() override;
  double seconds() override;
};

// PNG, safetensors and SHA-256.
class FileCodec : public session::ArtifactCodec {
 public:
  std::string encode_image(const Image& image,
                           const std::vector<std::pair<std::string, std::string>>& text) override;
  Image decode_image(std::string_view bytes, const std::string& where) override;
  std::string encode_latents(const std::vector<Latents>& latents) override;
  std::vector<Latents> decode_latents(std::string_view bytes, const std::string& where) override;
  std::string sha256(std::string_view bytes) override;
};

}  // namespace omr::cli
