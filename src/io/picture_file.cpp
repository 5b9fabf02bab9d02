#include "omr/io/picture_file.h"

#include <string>

#include "omr/core/error.h"
#include "omr/io/jpeg.h"
#include "omr/io/json_file.h"
#include "omr/io/png.h"

namespace omr::io {

Image read_picture(const std::filesystem::path& path) {
  const std::string bytes = read_text(path);
  if (bytes.starts_with("\xFF\xD8\xFF")) return decode_jpeg(bytes, path.string());
  // Anything else is told what is wrong with it as a PNG.
  return decode_png(bytes, path.string());
}

}  // namespace omr::io
