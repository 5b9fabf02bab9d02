#include <csetjmp>
#include <cstring>
#include <memory>

#include <png.h>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"
#include "omr/io/png.h"

namespace omr::io {
namespace {

constexpr png_uint_32 kMaxPngSide = 16384;
constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";

[[noreturn]] void fail(const std::string& where, const std::string& cause) {
  throw Error(ErrorKind::format, where + " is not a readable PNG: " + cause);
}

// Calls visit(type, data) for each chunk up to IEND.
template <typename Visit>
void for_each_chunk(std::string_view bytes, const std::string& where, Visit&& visit) {
  if (!bytes.starts_with(kSignature)) fail(where, "it does not begin with the PNG signature");
  bytes.remove_prefix(kSignature.size());
  while (bytes.size() >= 12) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length = (length << 8) | static_cast<unsigned char>(bytes[i]);
    if (length > bytes.size() - 12) fail(where, "a chunk runs past the end of the file");
    const std::string_view type = bytes.substr(4, 4);
    if (type == "IEND") return;
    visit(type, bytes.substr(8, length));
    bytes.remove_prefix(12 + length);
  }
}

struct Source {
  std::string_view bytes;
  std::string cause = "damaged";
};

// libpng reports errors through longjmp, which must not cross a live C++ object: this function owns
// none, and everything it fills belongs to the caller.
bool decode(png_structp png, png_infop info, std::size_t file_size, Image& image,
            std::vector<png_bytep>& rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_user_limits(png, kMaxPngSide, kMaxPngSide);
  png_read_info(png, info);
  // deflate never saves more than 1032:1, so a small file cannot hold the picture that a large IHDR
  // asks for.
  if (png_get_rowbytes(png, info) * png_get_image_height(png, info) / 1032 > file_size) {
    png_error(png, "it seems cut short");
  }
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  image.width = static_cast<int>(png_get_image_width(png, info));
  image.height = static_cast<int>(png_get_image_height(png, info));
  if (png_get_rowbytes(png, info) != static_cast<std::size_t>(image.width) * 3) return false;
  image.pixels.resize(static_cast<std::size_t>(image.width) *
                      static_cast<std::size_t>(image.height) * 3);
  rows.resize(static_cast<std::size_t>(image.height));
  for (std::size_t y = 0; y < rows.size(); ++y) {
    rows[y] = image.pixels.data() + y * static_cast<std::size_t>(image.width) * 3;
  }
  for (int pass = 0; pass < passes; ++pass) {
    png_read_rows(png, rows.data(), nullptr, static_cast<png_uint_32>(image.height));
  }
  png_read_end(png, nullptr);
  return true;
}

std::string from_latin1(std::string_view text) {
  std::string out;
  for (char c : text) append_utf8(out, static_cast<unsigned char>(c));
  return out;
}

// The text of an iTXt chunk behind its keyword; empty when compressed (omr never writes that).
std::string international_text(std::string_view rest) {
  if (rest.size() < 2 || rest[0] != '\0') return {};
  rest.remove_prefix(2);
  for (int skipped = 0; skipped < 2; ++skipped) {  // language tag, translated keyword
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  return std::string(rest);
}

}  // namespace

Image decode_png(std::string_view bytes, const std::string& where) {
  // libpng allocates as many bytes as a chunk says that it has, before it finds them missing.
  for_each_chunk(bytes, where, [](std::string_view, std::string_view) {});
  Source source{bytes};
  Image image;
  std::vector<png_bytep> rows;
  png_structp png = png_create_read_struct(
      PNG_LIBPNG_VER_STRING, &source,
      [](png_structp at, png_const_charp message) {
        static_cast<Source*>(png_get_error_ptr(at))->cause = message;
        png_longjmp(at, 1);
      },
      [](png_structp, png_const_charp) {});
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr) {
    png_destroy_read_struct(&png, nullptr, nullptr);
    throw Error(ErrorKind::resource, "cannot decode " + where + ": out of memory");
  }
  png_set_read_fn(png, &source, [](png_structp at, png_bytep out, std::size_t size) {
    auto* from = static_cast<Source*>(png_get_io_ptr(at));
    if (size > from->bytes.size()) png_error(at, "it seems cut short");
    std::memcpy(out, from->bytes.data(), size);
    from->bytes.remove_prefix(size);
  });
  const bool done = decode(png, info, bytes.size(), image, rows);
  png_destroy_read_struct(&png, &info, nullptr);
  if (!done) fail(where, source.cause);
  return image;
}

Image read_png(const std::filesystem::path& path) {
  return decode_png(read_text(path), path.string());
}

PngText read_png_text(std::string_view bytes, const std::string& where) {
  PngText out;
  for_each_chunk(bytes, where, [&](std::string_view type, std::string_view data) {
    const std::size_t split = data.find('\0');
    if (split == std::string_view::npos || (type != "tEXt" && type != "iTXt")) return;
    const std::string_view rest = data.substr(split + 1);
    out.emplace_back(from_latin1(data.substr(0, split)),
                     type == "tEXt" ? from_latin1(rest) : international_text(rest));
  });
  return out;
}

}  // namespace omr::io
