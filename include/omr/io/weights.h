// The tensors of one model part, wherever its files put them: one safetensors file, shards with an
// index, or an fp16 variant.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "omr/io/safetensors.h"

namespace omr::io {

// What a stored tensor is under another layout's names: itself, some of its rows (the parts of a
// fused projection), its transpose, or the matrix that a 1x1 convolution is.
struct TensorView {
  std::string name;
  std::int64_t first_row = 0;
  std::int64_t rows = -1;  // -1: all
  bool transposed = false;
  bool drop_trailing_ones = false;
};

class Weights {
 public:
  // `path` is a safetensors file, or a folder holding STEM.safetensors, STEM.safetensors.index.json
  // (with its shards), STEM.fp16.safetensors or STEM.safetensors.index.fp16.json; the first found
  // is used. Throws Error(io) when there is none (with a hint when only pickle files are there),
  // Error(format) as SafetensorsFile does.
  static Weights open(const std::filesystem::path& path, const std::string& stem);

  std::vector<std::string> names() const;  // sorted
  bool contains(const std::string& name) const;
  const TensorInfo& info(const std::string& name) const;  // throws Error(format) when absent
  at::Tensor tensor(const std::string& name) const;       // a view, see SafetensorsFile::tensor
  void forget(const std::string& name) const;             // see SafetensorsFile::forget
  std::string where() const;                              // the file or folder, for messages
  std::vector<std::filesystem::path> files() const;       // every file that holds a tensor

  std::size_t size() const { return entries_.size(); }

  // The same tensors under other names; an empty new name drops the tensor. Two tensors renamed to
  // one name throw Error(format).
  Weights renamed(const std::function<std::string(const std::string&)>& rename) const;
  // The tensors that `views` makes of each stored one; none drops it. Throws Error(format) as
  // renamed() does, and for rows or a transpose that the tensor does not have.
  Weights viewed(const std::function<std::vector<TensorView>(const TensorInfo&)>& views) const;
  // Only the tensors below `prefix`, which is removed from their names.
  Weights below(const std::string& prefix) const;

 private:
  struct Entry {
    std::shared_ptr<const SafetensorsFile> file;
    std::string name_in_file;
    TensorInfo info;                  // under its present name, with its present shape
    std::vector<TensorView> derived;  // from the file's tensor, in order; mostly none
  };
  void add(const std::string& name, Entry entry);  // throws Error(format) when it is taken

  std::map<std::string, Entry> entries_;
  std::filesystem::path where_;
};

}  // namespace omr::io
