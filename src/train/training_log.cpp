#include "train/training_log.h"

#include <string>

#include "omr/core/error.h"
#include "omr/io/atomic_file.h"

namespace omr::train {

TrainingLog::TrainingLog(const std::filesystem::path& path, std::int64_t step) : path_(path) {
  std::error_code code;
  if (std::filesystem::is_symlink(path, code))
    throw Error(ErrorKind::io, path.string() + " is a link, and a run's log is never one");
  if (std::filesystem::exists(path, code)) {
    std::string kept;
    const std::string text = io::read_text(path);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;
      const std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      const io::Json json = io::Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer())
        continue;
      if (json["step"].get<std::int64_t>() > step) continue;
      lines_.push_back(json);
      kept += line + "\n";
    }
    if (kept != text) io::write_atomically(path, kept);
  }
  out_.open(path, std::ios::app);
  if (!out_) throw Error(ErrorKind::io, "cannot write " + path.string());
}

void TrainingLog::append(const io::Json& line) {
  lines_.push_back(line);
  out_ << line.dump() << '\n' << std::flush;
  if (!out_) throw Error(ErrorKind::io, "cannot write " + path_.string() + " (is the disk full?)");
}

}  // namespace omr::train
