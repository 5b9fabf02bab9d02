#include "omr/train/refiner_source.h"

#include <string_view>
#include <utility>

#include "omr/core/error.h"
#include "omr/io/sha256.h"

#include "train/jsonl.h"

namespace omr::train {

RefinerRecords RefinerRecords::open(const std::filesystem::path& file) {
  std::vector<RefinerRecord> records;
  std::size_t broken_lines = 0;
  std::string first_problem;
  for_each_line(file, [&](std::string_view line, const std::string& where) {
    const io::Json object = io::Json::parse(line, nullptr, /*allow_exceptions=*/false);
    const auto take = [&](const char* key) {
      return object.is_object() ? text_of(object, key).value_or("") : std::string();
    };
    RefinerRecord record{take("prompt"), take("feedback"), take("refined"), take("reasoning")};
    const bool good = !record.prompt.empty() && !record.feedback.empty() && !record.refined.empty();
    if (good) return records.push_back(std::move(record));
    if (broken_lines++ == 0)
      first_problem = where + R"( is no {"prompt": …, "feedback": …, "refined": …})";
  });
  RefinerRecords out = of(std::move(records), file.string());
  out.broken_lines_ = broken_lines;
  out.first_problem_ = first_problem;
  return out;
}

std::string RefinerRecords::skipped() const {
  if (broken_lines_ == 0) return "";
  return "skipped " + plural(broken_lines_, "broken line") + " (first: " + first_problem_ + ")";
}

RefinerRecords RefinerRecords::of(std::vector<RefinerRecord> records, const std::string& where) {
  if (records.empty()) {
    throw Error(ErrorKind::format, where +
                                       " holds no record (a file has lines of "
                                       "{\"prompt\": …, \"feedback\": …, \"refined\": …}, a "
                                       "session accepted rounds)");
  }
  RefinerRecords out;
  std::string all;
  for (const RefinerRecord& record : records)
    all += record.prompt + '\0' + record.feedback + '\0' + record.refined +
           (record.reasoning.empty() ? "" : '\0' + record.reasoning) + '\n';
  out.digest_ = io::sha256(all);
  out.records_ = std::move(records);
  return out;
}

}  // namespace omr::train
