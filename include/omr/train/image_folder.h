// A folder of pictures with metadata.jsonl, the Hugging Face imagefolder way: one JSON object a
// line, "file_name" relative to the folder, "text" the caption, "negative" (omr's own, optional) a
// caption that is wrong in one thing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "omr/train/image_text_source.h"

namespace omr::train {

struct ImageFolderReport {
  std::size_t pictures = 0;
  std::size_t broken_lines = 0;   // no JSON, no file_name or text, text that is not UTF-8
  std::size_t missing_files = 0;  // not there, no picture by their first bytes, or torn
  std::string first_problem;      // one line that names the first of these

  // "12 pictures; skipped 1 broken line and 2 missing files (first: …)"
  std::string summary() const;
};

class ImageFolder : public ImageTextSource {
 public:
  // Bad lines are skipped and counted. Throws Error(io) without metadata.jsonl, Error(format) when
  // no line is good.
  static ImageFolder open(const std::filesystem::path& folder);

  const ImageFolderReport& report() const { return report_; }

  std::uint64_t size() const override { return entries_.size(); }
  Image image(std::uint64_t index) const override;
  std::string text(std::uint64_t index, std::uint64_t variant) const override;
  std::optional<HardNegative> hard_negative(std::uint64_t index,
                                            std::uint64_t variant) const override;
  io::Json description() const override;

 private:
  struct Entry {
    std::filesystem::path file;
    std::string text;
    std::string negative;
  };
  std::filesystem::path folder_;
  std::vector<Entry> entries_;
  ImageFolderReport report_;
  std::string digest_;  // of the lines that were kept and of their pictures
};

}  // namespace omr::train
