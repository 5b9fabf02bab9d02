#include <array>
#include <cstdint>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>
#include <zlib.h>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/png.h"

namespace omr::io {
namespace {

// A PNG begins with an 8-byte signature and the 25-byte IHDR chunk; text goes right behind them.
constexpr std::size_t kAfterHeader = 33;

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

std::string chunk(const std::string& type, const std::string& data) {
  std::string out;
  append_u32(out, static_cast<std::uint32_t>(data.size()));
  out += type + data;
  const auto* covered = reinterpret_cast<const Bytef*>(out.data()) + 4;
  append_u32(out, static_cast<std::uint32_t>(crc32(0, covered, static_cast<uInt>(out.size() - 4))));
  return out;
}

std::string text_chunk(const std::string& keyword, const std::string& text) {
  std::string latin1;
  for (char32_t code : decode_utf8(text)) {
    if (code > 0xFF || code == 0) {
      // iTXt: keyword, not compressed, no language tag, no translated keyword, UTF-8
      return chunk("iTXt", keyword + std::string("\0\0\0\0\0", 5) + text);
    }
    latin1 += static_cast<char>(code);
  }
  return chunk("tEXt", keyword + std::string(1, '\0') + latin1);
}

}  // namespace

std::string encode_png(const Image& image, const PngText& text) {
  std::string bytes;
  const auto append = [](void* out, void* data, int size) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(data),
                                           static_cast<std::size_t>(size));
  };
  if (stbi_write_png_to_func(append, &bytes, image.width, image.height, 3, image.pixels.data(),
                             image.width * 3) == 0 ||
      bytes.size() < kAfterHeader) {
    throw Error(ErrorKind::resource, "cannot encode a PNG of " + std::to_string(image.width) + "x" +
                                         std::to_string(image.height) + " pixels: out of memory");
  }
  std::string chunks;
  for (const auto& [keyword, value] : text) chunks += text_chunk(keyword, value);
  return bytes.insert(kAfterHeader, chunks);
}

}  // namespace omr::io
