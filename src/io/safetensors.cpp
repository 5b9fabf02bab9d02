#include "omr/io/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include <ATen/Functions.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

#include "io/input_file.h"

namespace omr::io {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxHeader = 100'000'000;  // the reference implementation's limit
constexpr std::size_t kMaxDimensions = 64;

std::optional<at::ScalarType> parse_dtype(const std::string& name) {
  static const std::map<std::string, at::ScalarType> kTypes = {{"F64", at::kDouble},
                                                               {"F32", at::kFloat},
                                                               {"F16", at::kHalf},
                                                               {"BF16", at::kBFloat16},
                                                               {"I64", at::kLong},
                                                               {"I32", at::kInt},
                                                               {"I16", at::kShort},
                                                               {"I8", at::kChar},
                                                               {"U8", at::kByte},
                                                               {"BOOL", at::kBool},
                                                               {"F8_E4M3", at::kFloat8_e4m3fn},
                                                               {"F8_E5M2", at::kFloat8_e5m2}};
  const auto found = kTypes.find(name);
  return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::size_t> checked_product(std::size_t a, std::size_t b) {
  std::size_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? std::nullopt : std::optional(out);
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& cause) {
  throw Error(ErrorKind::format, path.string() + " is not a valid safetensors file: " + cause);
}

// What a file that is no safetensors may be instead, from its first bytes.
void refuse_foreign(const std::filesystem::path& path, const std::byte* bytes, std::size_t size) {
  const std::string_view head(reinterpret_cast<const char*>(bytes),
                              std::min<std::size_t>(size, 512));
  const bool zip = head.starts_with("PK\x03\x04");
  // A header of 640 bytes begins like a pickle too; its JSON follows.
  const bool safetensors = head.size() > 8 && head[8] == '{';
  const bool pickle =
      head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5 && !safetensors;
  if (zip || pickle) {
    throw Error(
        ErrorKind::format,
        path.string() +
            " is a Python pickle (.ckpt, .pt, .bin): loading one can run code, so omr refuses it. "
            "Convert it to safetensors first, for example with diffusers' save_pretrained");
  }
  if (head.starts_with("GGUF")) {
    throw Error(ErrorKind::format, path.string() + " is a GGUF file; omr reads safetensors");
  }
  if (head.starts_with("version https://git-lfs")) {
    throw Error(ErrorKind::format,
                path.string() + " is a Git LFS pointer, not the weights: run git lfs pull");
  }
}

}  // namespace

std::shared_ptr<const SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  const InputFile input(path);
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->path_ = path;
  file->size_ = input.size();
  if (file->size_ > 0) {
    // Private and writable: tensors are ordinary tensors to the rest of the program, and a stray
    // write to one must not reach the file.
    void* mapping = ::mmap(nullptr, file->size_, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_NORESERVE, input.descriptor(), 0);
    if (mapping == MAP_FAILED) {
      throw Error(ErrorKind::resource, "cannot map " + path.string() + ": " + std::strerror(errno));
    }
    file->mapping_ = static_cast<std::byte*>(mapping);
    file->is_file_ = true;
  }
  file->parse_header();
  return file;
}

std::shared_ptr<const SafetensorsFile> SafetensorsFile::from_bytes(std::string_view bytes,
                                                                   const std::string& where) {
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->path_ = where;
  file->size_ = bytes.size();
  if (!bytes.empty()) {
    void* memory =
        ::mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw Error(ErrorKind::resource, "out of memory reading " + where);
    std::memcpy(memory, bytes.data(), bytes.size());
    file->mapping_ = static_cast<std::byte*>(memory);
  }
  file->parse_header();
  return file;
}

SafetensorsFile::~SafetensorsFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, size_);
}

void SafetensorsFile::parse_header() {
  refuse_foreign(path_, mapping_, size_);
  if (size_ < kLengthBytes) {
    fail(path_,
         "it is " + std::to_string(size_) + " bytes long, shorter than its 8-byte header length");
  }
  std::uint64_t header_length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    header_length |= static_cast<std::uint64_t>(mapping_[i]) << (8 * i);
  }
  if (header_length > kMaxHeader) {
    fail(path_,
         "header length " + std::to_string(header_length) + " is over the limit of 100000000");
  }
  if (header_length > size_ - kLengthBytes) {
    fail(path_, "the header should end at byte " + std::to_string(kLengthBytes + header_length) +
                    ", the file ends at byte " + std::to_string(size_) + "; it seems cut short");
  }
  data_offset_ = kLengthBytes + header_length;
  const std::string_view text(reinterpret_cast<const char*>(mapping_) + kLengthBytes,
                              header_length);
  if (!text.starts_with('{')) fail(path_, "the header does not begin with {");
  const Json header = parse_json(text, path_.string() + ": header");
  if (!header.is_object()) fail(path_, "the header is not an object");

  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) fail(path_, "__metadata__ is not an object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fail(path_, "__metadata__ \"" + key + "\" is not a string");
        metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    const auto bad = [&](const std::string& cause) {
      fail(path_, "tensor \"" + name + "\": " + cause);
    };
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
        !entry.contains("shape") || !entry.contains("data_offsets")) {
      bad("expected the keys dtype, shape and data_offsets");
    }
    if (!entry["dtype"].is_string()) bad("dtype is not a string");
    const auto dtype = parse_dtype(entry["dtype"].get<std::string>());
    if (!dtype) bad("unknown dtype " + entry["dtype"].dump());
    const Json& shape = entry["shape"];
    if (!shape.is_array() || shape.size() > kMaxDimensions)
      bad("shape is not a list of dimensions");
    std::optional<std::size_t> bytes = c10::elementSize(*dtype);
    bool empty = false;  // a zero hides no overflow: strides are products of the other dimensions
    TensorInfo info{name, *dtype, {}, 0, 0};
    for (const Json& dimension : shape) {
      if (!dimension.is_number_unsigned()) bad("shape holds a value that is not a size");
      const auto value = dimension.get<std::uint64_t>();
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        bad("shape " + shape.dump() + " overflows");
      }
      info.shape.push_back(static_cast<std::int64_t>(value));
      empty = empty || value == 0;
      bytes = bytes ? checked_product(*bytes, std::max<std::uint64_t>(value, 1)) : bytes;
    }
    if (!bytes || *bytes > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max())) {
      bad("shape " + shape.dump() + " overflows");
    }
    if (empty) bytes = 0;
    const Json& offsets = entry["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned()) {
      bad("data_offsets is not a pair of byte offsets");
    }
    info.begin = offsets[0].get<std::uint64_t>();
    info.end = offsets[1].get<std::uint64_t>();
    if (info.begin > info.end) bad("data_offsets run backwards");
    if (info.end - info.begin != *bytes) {
      bad("shape " + shape.dump() + " of " + entry["dtype"].get<std::string>() + " takes " +
          std::to_string(*bytes) + " bytes, data_offsets span " +
          std::to_string(info.end - info.begin));
    }
    tensors_.push_back(std::move(info));
  }

  std::sort(tensors_.begin(), tensors_.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::size_t expected = 0;
  for (const TensorInfo& info : tensors_) {
    if (info.begin != expected) {
      fail(path_, "tensor \"" + info.name + "\" begins at byte " + std::to_string(info.begin) +
                      " of the data, expected " + std::to_string(expected) +
                      " (a gap or an overlap)");
    }
    expected = info.end;
  }
  const std::size_t data_size = size_ - data_offset_;
  if (expected != data_size) {
    fail(path_, "its tensors take " + std::to_string(expected) + " bytes, the file holds " +
                    std::to_string(data_size) +
                    (expected > data_size ? "; it seems cut short" : ""));
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) index_[tensors_[i].name] = i;
}

const TensorInfo* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

void SafetensorsFile::forget(const std::string& name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr || !is_file_) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // Whole pages only: the ones at the ends belong to neighbours too.
  const std::size_t begin = (data_offset_ + info->begin + page - 1) / page * page;
  const std::size_t end = (data_offset_ + info->end) / page * page;
  if (begin < end) ::madvise(mapping_ + begin, end - begin, MADV_DONTNEED);
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) {
    throw Error(ErrorKind::format, path_.string() + " has no tensor \"" + name + "\"");
  }
  std::byte* bytes = mapping_ + data_offset_ + info->begin;
  const auto options = at::TensorOptions().dtype(info->dtype);
  if (info->begin == info->end) return at::empty(info->shape, options);
  if (reinterpret_cast<std::uintptr_t>(bytes) % c10::elementSize(info->dtype) != 0) {
    // The format does not promise alignment, kernels do expect it.
    at::Tensor copy = at::empty(info->shape, options);
    std::memcpy(copy.data_ptr(), bytes, info->end - info->begin);
    return copy;
  }
  return at::from_blob(
      bytes, info->shape, [keep = shared_from_this()](void*) {}, options);
}

}  // namespace omr::io
