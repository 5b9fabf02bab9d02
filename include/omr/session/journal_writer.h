// Appends records to a journal so that a crash at any byte loses at most the record being written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "omr/session/file_system.h"
#include "omr/session/journal_format.h"

namespace omr::session {

class JournalWriter {
 public:
  // `good_bytes` of the file are whole lines; anything behind them is torn and is cut off before
  // the next append.
  JournalWriter(FileSystem& files, std::filesystem::path path, std::uint64_t good_bytes, bool torn);

  // Returns once the line is on disk; gives the line. When it throws, the journal still holds the
  // whole lines it held before, and the next append works.
  std::string append(const Record& record);

 private:
  void cut_torn_tail();

  FileSystem& files_;
  std::filesystem::path path_;
  std::uint64_t good_bytes_;
  bool torn_;
};

}  // namespace omr::session
