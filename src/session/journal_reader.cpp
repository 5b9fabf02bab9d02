#include "omr/session/journal_reader.h"

#include "omr/core/error.h"

namespace omr::session {

Journal read_journal(std::string_view text, const std::string& where) {
  Journal journal;
  std::size_t number = 0;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string_view::npos; at = end + 1) {
    ++number;
    const std::string place = where + ", line " + std::to_string(number);
    Record record = parse_record(text.substr(at, end - at), place);
    const bool session = std::holds_alternative<SessionRecord>(record);
    if (session != (number == 1)) {
      throw Error(ErrorKind::format, place + (session ? ": a second \"session\" record"
                                                      : ": expected a \"session\" record first"));
    }
    if (session) {
      journal.session = std::get<SessionRecord>(std::move(record));
    } else {
      journal.records.push_back(std::move(record));
    }
  }
  if (number == 0) {
    throw Error(ErrorKind::format, where +
                                       (text.empty() ? ": the journal is empty"
                                                     : ": the journal's first line is cut off") +
                                       "; there is nothing to go on from");
  }
  journal.good_bytes = at;
  journal.torn_bytes = text.size() - at;
  return journal;
}

}  // namespace omr::session
