#include "omr/io/picture_file.h"

#include "omr/io/jpeg.h"
#include "omr/io/json_file.h"
#include "omr/io/png.h"

#include "io/input_file.h"

namespace omr::io {
namespace {

constexpr std::size_t kMaxPictureBytes = 64u << 20;

}  // namespace

Image decode_picture(std::string_view bytes, const std::string& where) {
  if (bytes.starts_with("\xFF\xD8\xFF")) return decode_jpeg(bytes, where);
  // Anything else is told what is wrong with it as a PNG.
  return decode_png(bytes, where);
}

Image read_picture(const std::filesystem::path& path) {
  return decode_picture(InputFile(path).read_all(kMaxPictureBytes), path.string());
}

Image read_handed_picture(const std::filesystem::path& path) {
  return decode_picture(read_text(path, kMaxPictureBytes), path.string());
}

}  // namespace omr::io
