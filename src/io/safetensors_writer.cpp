#include <algorithm>

#include <ATen/Functions.h>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/atomic_file.h"
#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

namespace omr::io {
namespace {

constexpr const char* kMetadata = "__metadata__";

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return "F64";
    case at::kFloat:
      return "F32";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kLong:
      return "I64";
    case at::kInt:
      return "I32";
    case at::kShort:
      return "I16";
    case at::kChar:
      return "I8";
    case at::kByte:
      return "U8";
    case at::kBool:
      return "BOOL";
    default:
      throw Error(ErrorKind::format,
                  std::string("safetensors has no type for ") + c10::toString(dtype));
  }
}

// Names come from other files: what no reader would take is refused before a byte is written.
void require_name(const std::string& name, const Json& header) {
  const bool fits = find_invalid_utf8(name) == std::string::npos && name != kMetadata;
  if (fits && !header.contains(name)) return;
  throw Error(ErrorKind::format,
              "safetensors cannot hold a tensor called \"" + printable(name.substr(0, 100)) +
                  (fits ? "\" twice" : "\": expected UTF-8, and not the metadata's own name"));
}

}  // namespace

std::string encode_safetensors(const NamedTensors& tensors,
                               const std::map<std::string, std::string>& metadata) {
  NamedTensors sorted;
  for (const auto& [name, tensor] : tensors)
    sorted.emplace_back(name, tensor.detach().cpu().contiguous());
  // Widest elements first, as the reference writer does: every tensor is then aligned for its type.
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    const auto key = [](const auto& entry) {
      return std::make_pair(-static_cast<std::int64_t>(entry.second.element_size()), entry.first);
    };
    return key(a) < key(b);
  });

  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : sorted) {
    const std::size_t end = offset + tensor.nbytes();
    require_name(name, header);
    header[name] = {{"dtype", dtype_name(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  // A metadata value that is no UTF-8, such as a file's name, becomes U+FFFD.
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');

  std::string bytes;
  bytes.reserve(8 + text.size() + offset);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((text.size() >> (8 * i)) & 0xFF);
  bytes += text;
  for (const auto& [name, tensor] : sorted) {
    bytes.append(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
  }
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  write_atomically(path, encode_safetensors(tensors, metadata));
}

}  // namespace omr::io
