// Drawings that were judged, as pairs that a reward model learns from.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "omr/eval/choice_skill.h"

namespace omr::cli {

// Writes pairs for training a reward model: of each caption the best drawing and each that has less
// right; and of the caption that such a one would be right for, the two the other way round.
class PairWriter {
 public:
  // Makes `folder` and `folder`/pictures; without a name nothing is written. Throws what the disk
  // throws.
  explicit PairWriter(std::filesystem::path folder);

  void add(const eval::JudgedCaption& judged);
  // Leaves pairs.jsonl, whole or not at all.
  void finish() const;

 private:
  void add_line(const std::string& prompt, const std::string& chosen, const std::string& rejected);
  // Returns its name relative to the folder.
  std::string write(const eval::JudgedCaption& judged, std::size_t drawing) const;

  std::filesystem::path folder_;
  std::string lines_;
};

}  // namespace omr::cli
