// What a refiner learns: a prompt and what was said of its picture, and the prompt that follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "omr/io/json_file.h"

namespace omr::train {

struct RefinerRecord {
  std::string prompt;
  std::string feedback;
  std::string refined;
  // What changes, in one line: what a template with an answer_label has said before the answer.
  std::string reasoning = {};
};

// Everything is a pure function of its arguments.
class RefinerSource {
 public:
  virtual ~RefinerSource() = default;
  virtual std::uint64_t size() const = 0;  // 0: without end
  virtual RefinerRecord record(std::uint64_t index) const = 0;
  virtual io::Json description() const = 0;
};

// Records in memory.
class RefinerRecords : public RefinerSource {
 public:
  // A file with one JSON object a line: "prompt", "feedback", "refined", and perhaps "reasoning".
  // Lines that are no such object, or not UTF-8, are skipped and counted. Throws Error(io),
  // Error(format) when no line is good.
  static RefinerRecords open(const std::filesystem::path& file);
  // Throws Error(format), naming `where`, when there are none.
  static RefinerRecords of(std::vector<RefinerRecord> records, const std::string& where);

  std::size_t broken_lines() const { return broken_lines_; }
  // "skipped 2 broken lines (first: …)"; empty when there were none.
  std::string skipped() const;
  std::uint64_t size() const override { return records_.size(); }
  RefinerRecord record(std::uint64_t index) const override { return records_[index]; }
  io::Json description() const override {
    return {{"data", "records"}, {"records_sha256", digest_}};
  }

 private:
  std::vector<RefinerRecord> records_;
  std::size_t broken_lines_ = 0;
  std::string first_problem_;
  std::string digest_;
};

}  // namespace omr::train
