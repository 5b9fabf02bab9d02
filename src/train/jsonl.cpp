#include "train/jsonl.h"

#include <algorithm>

#include "omr/core/utf8.h"

namespace omr::train {

void for_each_line(
    const std::filesystem::path& file,
    const std::function<void(std::string_view line, const std::string& where)>& use) {
  const std::string text = io::read_text(file, std::size_t{1} << 30);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    use(line, file.string() + " line " + std::to_string(number));
  }
}

std::optional<std::string> text_of(const io::Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  std::string text = found->get<std::string>();
  if (find_invalid_utf8(text) != std::string::npos) return std::nullopt;
  return text;
}

std::string plural(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace omr::train
