#include "omr/io/weights.h"

#include <algorithm>
#include <utility>

#include <ATen/core/Tensor.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::io {
namespace {

namespace fs = std::filesystem;

// The shards that an index names: {"weight_map": {tensor: file}}. Names must stay in the folder.
std::vector<fs::path> read_index(const fs::path& index) {
  const Config map = Config(index).child("weight_map");
  std::vector<fs::path> files;
  for (const auto& [tensor, file] : map.json().items()) {
    if (!file.is_string()) {
      throw Error(ErrorKind::format,
                  index.string() + ": the file of \"" + tensor + "\" is not a string");
    }
    const fs::path name = file.get<std::string>();
    if (name.empty() || name.has_parent_path() || name == "." || name == "..") {
      throw Error(ErrorKind::format,
                  index.string() + ": shard name " + file.dump() + " leaves the folder");
    }
    const fs::path path = index.parent_path() / name;
    if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
  }
  return files;
}

[[noreturn]] void fail_missing(const fs::path& folder, const std::string& stem) {
  std::string hint;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".bin" || extension == ".ckpt" || extension == ".pt" || extension == ".pth") {
      hint = "; " + entry.path().filename().string() +
             " is a Python pickle, which omr refuses: convert it to safetensors first";
      break;
    }
  }
  throw Error(ErrorKind::io, "no " + stem + ".safetensors in " + folder.string() + hint);
}

}  // namespace

Weights Weights::open(const fs::path& path, const std::string& stem) {
  std::error_code code;
  Weights out;
  out.where_ = path;
  std::vector<fs::path> files;
  if (fs::is_directory(path, code)) {
    const fs::path single = path / (stem + ".safetensors");
    const fs::path index = path / (stem + ".safetensors.index.json");
    const fs::path half = path / (stem + ".fp16.safetensors");
    const fs::path half_index = path / (stem + ".safetensors.index.fp16.json");
    if (fs::exists(single, code)) {
      files = {single};
    } else if (fs::exists(index, code)) {
      files = read_index(index);
    } else if (fs::exists(half, code)) {
      files = {half};
    } else if (fs::exists(half_index, code)) {
      files = read_index(half_index);
    } else {
      fail_missing(path, stem);
    }
    if (files.size() == 1) out.where_ = files.front();
  } else {
    files = {path};
  }
  for (const fs::path& name : files) {
    const auto file = SafetensorsFile::open(name);
    for (const TensorInfo& info : file->tensors()) {
      if (!out.entries_.emplace(info.name, Entry{file, info.name, info, {}}).second) {
        throw Error(ErrorKind::format,
                    name.string() + ": tensor \"" + info.name + "\" is in another shard too");
      }
    }
  }
  return out;
}

std::vector<std::string> Weights::names() const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

bool Weights::contains(const std::string& name) const { return entries_.contains(name); }

const TensorInfo& Weights::info(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    throw Error(ErrorKind::format, where_.string() + " has no tensor \"" + name + "\"");
  }
  return found->second.info;
}

at::Tensor Weights::tensor(const std::string& name) const {
  info(name);
  const Entry& entry = entries_.at(name);
  at::Tensor out = entry.file->tensor(entry.name_in_file);
  for (const TensorView& view : entry.derived) {
    if (view.rows >= 0) out = out.narrow(0, view.first_row, view.rows);
    if (view.transposed) out = out.t();
    if (view.drop_trailing_ones) {
      while (out.dim() > 2 && out.size(-1) == 1) out = out.squeeze(-1);
    }
  }
  return out;
}

void Weights::forget(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) found->second.file->forget(found->second.name_in_file);
}

std::string Weights::where() const { return where_.string(); }

std::vector<fs::path> Weights::files() const {
  std::vector<fs::path> out;
  for (const auto& [name, entry] : entries_) {
    if (std::find(out.begin(), out.end(), entry.file->path()) == out.end()) {
      out.push_back(entry.file->path());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Weights Weights::renamed(const std::function<std::string(const std::string&)>& rename) const {
  return viewed([&](const TensorInfo& info) -> std::vector<TensorView> {
    const std::string to = rename(info.name);
    if (to.empty()) return {};
    return {{to}};
  });
}

Weights Weights::viewed(
    const std::function<std::vector<TensorView>(const TensorInfo&)>& views) const {
  Weights out;
  out.where_ = where_;
  for (const auto& [name, entry] : entries_) {
    for (const TensorView& view : views(entry.info)) {
      const auto fail = [&, name = name](const std::string& cause) {
        throw Error(ErrorKind::format, where_.string() + ": tensor \"" + name + "\" " + cause);
      };
      Entry seen = entry;
      seen.info.name = view.name;
      std::vector<std::int64_t>& shape = seen.info.shape;
      if (view.rows >= 0) {
        const std::int64_t stored = shape.empty() ? 0 : shape.front();
        if (view.first_row < 0 || view.first_row + view.rows > stored) {
          fail("has " + std::to_string(stored) + " rows, expected at least " +
               std::to_string(view.first_row + view.rows));
        }
        const std::size_t row =
            (seen.info.end - seen.info.begin) / static_cast<std::size_t>(stored);
        seen.info.begin += row * static_cast<std::size_t>(view.first_row);
        seen.info.end = seen.info.begin + row * static_cast<std::size_t>(view.rows);
        shape.front() = view.rows;
      }
      if (view.transposed) {
        if (shape.size() != 2) fail("is no matrix, so it has no transpose");
        std::swap(shape[0], shape[1]);
      }
      if (view.drop_trailing_ones) {
        while (shape.size() > 2 && shape.back() == 1) shape.pop_back();
      }
      const bool same = view.rows < 0 && !view.transposed && !view.drop_trailing_ones;
      if (!same) seen.derived.push_back(view);
      out.add(view.name, std::move(seen));
    }
  }
  return out;
}

void Weights::add(const std::string& name, Entry entry) {
  if (!entries_.emplace(name, std::move(entry)).second) {
    throw Error(ErrorKind::format, where_.string() + ": two tensors are both \"" + name + "\"");
  }
}

Weights Weights::below(const std::string& prefix) const {
  return renamed([&](const std::string& name) {
    return name.starts_with(prefix) ? name.substr(prefix.size()) : std::string();
  });
}

}  // namespace omr::io
