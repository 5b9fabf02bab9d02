#include "omr/session/journal_writer.h"

namespace omr::session {

JournalWriter::JournalWriter(FileSystem& files, std::filesystem::path path,
                             std::uint64_t good_bytes, bool torn)
    : files_(files), path_(std::move(path)), good_bytes_(good_bytes), torn_(torn) {}

std::string JournalWriter::append(const Record& record) {
  std::string line = to_line(record);
  cut_torn_tail();
  // Until append() has returned, an unknown part of the line may be in the file.
  torn_ = true;
  files_.append(path_, line + "\n");
  torn_ = false;
  good_bytes_ += line.size() + 1;
  return line;
}

void JournalWriter::cut_torn_tail() {
  if (!torn_) return;
  if (files_.exists(path_)) files_.truncate(path_, good_bytes_);
  torn_ = false;
}

}  // namespace omr::session
