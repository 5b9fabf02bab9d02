#include "omr/io/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

#include "omr/core/error.h"

namespace omr::io {
namespace {

constexpr JDIMENSION kMaxJpegSide = 16384;
constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned int kMostExif = 0xFFFF;

struct ErrorManager {
  jpeg_error_mgr base;  // first: libjpeg hands it back as the whole
  std::jmp_buf escape;
  char cause[JMSG_LENGTH_MAX];
};

// The orientation tag (0x0112) of the first directory of an EXIF segment, 1 where there is none
// (JEITA CP-3451, §4.6.2).
int exif_orientation(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeader = 6;  // "Exif", two zeros
  if (size < kHeader + 8 || std::memcmp(data, "Exif\0\0", kHeader) != 0) return 1;
  const std::uint8_t* tiff = data + kHeader;
  const std::size_t length = size - kHeader;
  const bool little = tiff[0] == 'I';
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value = (value << 8) | tiff[at + (little ? bytes - 1 - i : i)];
    }
    return value;
  };
  const std::size_t directory = number(4, 4);
  if (directory > length || length - directory < 2) return 1;
  const std::size_t entries = number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + 12 * i;
    if (at + 12 > length) return 1;
    if (number(at, 2) != 0x0112) continue;
    const std::uint32_t value = number(at + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

// libjpeg reports errors by calling error_exit, which must not return; a longjmp must not cross a
// live C++ object, so this function owns none, and what it fills belongs to the caller.
bool decode(jpeg_decompress_struct& info, ErrorManager& errors, std::string_view bytes,
            Image& image, int& orientation) {
  if (setjmp(errors.escape) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_save_markers(&info, kExifMarker, kMostExif);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  if (info.image_width > kMaxJpegSide || info.image_height > kMaxJpegSide) {
    std::snprintf(errors.cause, sizeof errors.cause, "it is larger than 16384 pixels a side");
    return false;
  }
  if (info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK) {
    std::snprintf(errors.cause, sizeof errors.cause, "its colours are CMYK; save it as RGB");
    return false;
  }
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->marker == kExifMarker) {
      orientation = exif_orientation(marker->data, marker->data_length);
      break;
    }
  }
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  image.width = static_cast<int>(info.output_width);
  image.height = static_cast<int>(info.output_height);
  const std::size_t row = static_cast<std::size_t>(info.output_width) * 3;
  image.pixels.resize(row * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW to = image.pixels.data() + row * info.output_scanline;
    jpeg_read_scanlines(&info, &to, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

Image turned(const Image& image, int orientation) {
  if (orientation == 1) return image;
  const bool sideways = orientation >= 5;
  Image out;
  out.width = sideways ? image.height : image.width;
  out.height = sideways ? image.width : image.height;
  out.pixels.resize(image.pixels.size());
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      // Where this pixel lies in the stored picture.
      int u = sideways ? y : x, v = sideways ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
        u = image.width - 1 - u;
      }
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
        v = image.height - 1 - v;
      }
      const auto index = [](const Image& of, int column, int line) {
        return (static_cast<std::size_t>(line) * static_cast<std::size_t>(of.width) +
                static_cast<std::size_t>(column)) *
               3;
      };
      std::memcpy(&out.pixels[index(out, x, y)], &image.pixels[index(image, u, v)], 3);
    }
  }
  return out;
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& where) {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  std::snprintf(errors.cause, sizeof errors.cause, "damaged");
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = [](j_common_ptr at) {
    auto* manager = reinterpret_cast<ErrorManager*>(at->err);
    at->err->format_message(at, manager->cause);
    std::longjmp(manager->escape, 1);
  };
  // Warnings (a file cut short among them) mean a damaged picture too.
  errors.base.emit_message = [](j_common_ptr at, int level) {
    if (level < 0) at->err->error_exit(at);
  };
  Image image;
  int orientation = 1;
  const bool done = decode(info, errors, bytes, image, orientation);
  jpeg_destroy_decompress(&info);
  if (!done) {
    throw Error(ErrorKind::format, where + " is not a readable JPEG: " + errors.cause);
  }
  return turned(image, orientation);
}

}  // namespace omr::io
