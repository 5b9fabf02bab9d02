// train.jsonl: one JSON object a line, by step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "omr/io/json_file.h"

namespace omr::train {

class TrainingLog {
 public:
  // Continues the file after `step`: lines of later steps and a torn last line are dropped, since
  // the run repeats those steps. Throws Error(io).
  TrainingLog(const std::filesystem::path& path, std::int64_t step);

  // `line` must hold "step". Throws Error(io) when it cannot be written.
  void append(const io::Json& line);
  const std::vector<io::Json>& lines() const { return lines_; }

 private:
  std::filesystem::path path_;
  std::vector<io::Json> lines_;
  std::ofstream out_;
};

}  // namespace omr::train
