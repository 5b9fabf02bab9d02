// PNG pictures: encoded by stb_image_write, decoded by libpng; text chunks as AUTOMATIC1111's web
// UI writes and reads them (key `parameters`).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "omr/core/image.h"

namespace omr::io {

// Keyword (1–79 Latin-1 bytes) and UTF-8 text. Latin-1 text goes to tEXt, other text to iTXt.
using PngText = std::vector<std::pair<std::string, std::string>>;

// The bytes of a PNG file. Equal pictures give equal bytes. Throws Error(resource).
std::string encode_png(const Image& image, const PngText& text = {});

// Any PNG as 8-bit RGB: palettes and grey expanded, alpha dropped, 16 bits reduced to their high
// byte, as Pillow's convert("RGB") does; gamma chunks are ignored likewise. 16-bit grey alone is
// another matter: Pillow clips it at 255, which leaves a white picture, omr takes its high byte
// too. At most 16384 pixels a side. `where` names the source in errors. Throws Error(format).
Image decode_png(std::string_view bytes, const std::string& where);
Image read_png(const std::filesystem::path& path);

// The text chunks of a PNG, in file order, without decoding the picture. Throws Error(format).
PngText read_png_text(std::string_view bytes, const std::string& where);

}  // namespace omr::io
