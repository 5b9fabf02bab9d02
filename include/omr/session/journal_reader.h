// Reads a whole journal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "omr/session/journal_format.h"

namespace omr::session {

struct Journal {
  SessionRecord session;
  std::vector<Record> records;   // without the session's
  std::uint64_t good_bytes = 0;  // whole lines
  std::uint64_t torn_bytes = 0;  // behind them: a line whose end never reached the disk
};

// A last line without its line break is torn: skipped, and counted. Throws Error(format) naming
// `where` and the line when any other line is not a record, the first is not a session's of a known
// version, or nothing whole is in the file.
Journal read_journal(std::string_view text, const std::string& where);

}  // namespace omr::session
