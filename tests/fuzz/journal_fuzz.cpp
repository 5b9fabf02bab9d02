// Journals: read, replayed to a state, turned back into a dialogue.
#include "omr/session/dialogue.h"
#include "omr/session/journal_reader.h"
#include "omr/session/state.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace omr;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::expect_value_or_error([&] {
    const session::Journal journal = session::read_journal(text, "input");
    session::SessionState state = session::initial_state(journal.session);
    for (const session::Record& record : journal.records) session::apply(state, record);
    if (state.has_rounds()) state.prompts_on_branch(state.current());
    for (const session::Record& record : journal.records) to_line(record);
  });
  fuzz::expect_value_or_error([&] { session::dialogue_of_journal(text, "id", "input"); });
  return 0;
}
