// train.html: how a run went, in one file that needs no other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "omr/core/image.h"
#include "omr/io/json_file.h"

namespace omr::train {

struct TrainingReport {
  std::string title;
  io::Json settings;                                    // an object, shown as a table
  std::vector<io::Json> lines;                          // of train.jsonl
  std::vector<std::pair<std::string, Image>> pictures;  // caption, picture: the newest samples
};

// step-NNNNNNNN-K.png for each picture, its caption in the file. Throws Error(io).
void write_samples(const std::filesystem::path& folder, std::int64_t step,
                   const std::vector<std::pair<std::string, Image>>& pictures);

// Every number of the lines gets a curve over the steps, drawn as inline SVG, loss first. Replaces
// the file as a whole. Throws Error(io).
void write_training_report(const std::filesystem::path& path, const TrainingReport& report);

}  // namespace omr::train
