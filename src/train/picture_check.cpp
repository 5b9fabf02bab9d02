#include "train/picture_check.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace omr::train {

bool looks_like_whole_picture(const std::filesystem::path& file) {
  // Some writers pad behind the end of a JPEG.
  constexpr std::streamoff kTail = 256;
  std::error_code code;
  if (!std::filesystem::is_regular_file(file, code)) return false;  // a pipe would be waited for
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return false;
  const std::streamoff size = in.tellg();
  const auto read = [&](std::streamoff from, std::streamoff count) {
    std::string bytes(static_cast<std::size_t>(std::max<std::streamoff>(count, 0)), '\0');
    in.seekg(from);
    in.read(bytes.data(), count);
    return in ? bytes : std::string();
  };
  const std::string head = read(0, 4);
  const std::string tail = read(std::max<std::streamoff>(size - kTail, 0), std::min(size, kTail));
  if (head == "\x89PNG") return tail.find("IEND") != std::string::npos;
  return head.starts_with("\xff\xd8\xff") && tail.find("\xff\xd9") != std::string::npos;
}

}  // namespace omr::train
