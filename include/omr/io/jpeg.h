// JPEG pictures, decoded by libjpeg(-turbo).
#pragma once

#include <string>
#include <string_view>

#include "omr/core/image.h"

namespace omr::io {

// Baseline or progressive JPEG, grey or colour, as 8-bit RGB; turned as its EXIF orientation says,
// as Pillow's ImageOps.exif_transpose does. At most 16384 pixels a side. CMYK is refused. `where`
// names the source in errors. Throws Error(format).
Image decode_jpeg(std::string_view bytes, const std::string& where);

}  // namespace omr::io
