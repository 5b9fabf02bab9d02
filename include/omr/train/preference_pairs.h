// Judged pairs whose pictures are files: a JSONL file, or what sessions have left.
//
// Lines are {"prompt", "chosen", "rejected"}, or {"prompt", "image_0", "image_1"} with "label" (the
// better picture's number, 0 or 1; 0.5 for a tie) or "label_0" (Pick-a-Pic's: 1, 0 or 0.5, the
// share for image_0). Paths are relative to the file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "omr/train/preference_source.h"

namespace omr::train {

struct PreferenceEntry {
  std::string prompt;
  std::filesystem::path image_0, image_1;
  double label_0 = 1;
};

struct PreferenceReport {
  std::size_t pairs = 0;
  std::size_t broken_lines = 0;   // no JSON, keys missing or of another type, not UTF-8
  std::size_t missing_files = 0;  // pairs with a picture that is not there, is none, or is torn
  std::size_t equal_pairs = 0;    // pairs of one picture with itself
  std::string first_problem;      // one line that names the first of these

  // "12 pairs; skipped 1 broken line and 2 pairs of equal pictures (first: …)"
  std::string summary() const;
};

class PreferencePairs : public PreferenceSource {
 public:
  // Reads a JSONL file; what is wrong is skipped and counted. Throws Error(io); Error(format) when
  // no pair is left or all are ties, from which nothing can be learnt.
  static PreferencePairs open(const std::filesystem::path& file);
  // Likewise from entries with absolute paths; `where` names them in errors.
  static PreferencePairs of(const std::vector<PreferenceEntry>& entries, const std::string& where);

  // A share of the prompts, by their hash, with all their pairs; and the others. One part may be
  // empty.
  std::pair<PreferencePairs, PreferencePairs> split(double share) const;

  const PreferenceReport& report() const { return report_; }
  std::uint64_t size() const override { return entries_.size(); }
  // Every pair weighs in inverse proportion to the pairs of its prompt, as in PickScore: prompts
  // count alike; 1 on average.
  PreferencePair pair(std::uint64_t index) const override;
  io::Json description() const override;

 private:
  void add(PreferenceEntry entry, const std::string& where);
  void skip(std::size_t& counter, const std::string& problem);
  void finish(const std::string& where);
  void weigh();

  std::vector<PreferenceEntry> entries_;
  std::vector<double> weights_;
  PreferenceReport report_;
};

}  // namespace omr::train
