// The safetensors format: 8-byte little-endian header length, a JSON header, one contiguous buffer.
// Rules as in the reference implementation (huggingface/safetensors, README and tensor.rs); all of
// them are checked before any byte of data is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace omr::io {

struct TensorInfo {
  std::string name;
  at::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0;  // byte offsets into the data buffer
  std::size_t end = 0;
};

class SafetensorsFile : public std::enable_shared_from_this<SafetensorsFile> {
 public:
  // Maps the file. Throws Error(io) when it cannot be read, Error(format) when it breaks a rule of
  // the format or is a pickle (.ckpt, .pt, .bin, recognised by content).
  static std::shared_ptr<const SafetensorsFile> open(const std::filesystem::path& path);
  // The same from memory, which is copied; `where` names it in errors.
  static std::shared_ptr<const SafetensorsFile> from_bytes(std::string_view bytes,
                                                           const std::string& where);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // in the order of the buffer
  const TensorInfo* find(const std::string& name) const;               // null when absent
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // A view of the mapped bytes, which it keeps alive; no copy. Writing to it changes private pages,
  // never the file. Throws Error(format) for a name that is not there.
  at::Tensor tensor(const std::string& name) const;

  // Hints that a tensor's bytes were read and are not needed soon: the memory that the mapping
  // takes for them may be given back. Views of it stay good.
  void forget(const std::string& name) const;

 private:
  SafetensorsFile() = default;
  void parse_header();

  std::filesystem::path path_;
  std::byte* mapping_ = nullptr;  // of the file, or anonymous memory that holds a copy
  bool is_file_ = false;
  std::size_t size_ = 0;
  std::size_t data_offset_ = 0;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// The bytes of a file that holds these tensors. Throws Error(format) for a name that is there twice
// or is not UTF-8.
std::string encode_safetensors(const NamedTensors& tensors,
                               const std::map<std::string, std::string>& metadata = {});

// Writes the tensors (moved to the CPU, made contiguous) under their names, in the order that the
// format wants; the file appears whole or not at all. Throws Error(io).
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace omr::io
