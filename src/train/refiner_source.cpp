#include "omr/train/refiner_source.h"

#include <string_view>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/sha256.h"

namespace omr::train {

RefinerRecordFile RefinerRecordFile::open(const std::filesystem::path& file) {
  const std::string text = io::read_text(file, std::size_t{1} << 30);
  RefinerRecordFile out;
  out.digest_ = io::sha256(text);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const io::Json object = io::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    RefinerRecord record;
    bool good = object.is_object();
    const auto take = [&](const char* key, std::string& into) {
      good = good && object.contains(key) && object[key].is_string();
      if (!good) return;
      into = object[key].get<std::string>();
      good = !into.empty() && find_invalid_utf8(into) == std::string::npos;
    };
    take("prompt", record.prompt);
    take("feedback", record.feedback);
    take("refined", record.refined);
    if (good) {
      out.records_.push_back(std::move(record));
    } else {
      ++out.broken_lines_;
    }
  }
  if (out.records_.empty()) {
    throw Error(ErrorKind::format, file.string() +
                                       " holds no record: expected lines of "
                                       "{\"prompt\": …, \"feedback\": …, \"refined\": …}");
  }
  return out;
}

}  // namespace omr::train
