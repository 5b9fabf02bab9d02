#include "omr/replay/golden.h"

#include "omr/session/journal_reader.h"
#include "omr/session/paths.h"
#include "omr/session/state.h"

namespace omr::replay {

namespace fs = std::filesystem;

RecordedDialogue read_recorded(const fs::path& folder, const std::string& id,
                               session::FileSystem& files, const Tokenize& tokenize) {
  const fs::path path = folder / session::kJournalName;
  const std::string text = files.read(path, session::kMaxJournalBytes);
  RecordedDialogue out;
  out.dialogue = session::dialogue_of_journal(text, id, path.string());
  out.dialogue.folder = folder;
  const session::Journal journal = session::read_journal(text, path.string());
  session::SessionState state = session::initial_state(journal.session);
  for (const session::Record& record : journal.records) session::apply(state, record);
  out.accepted = state.accepted;
  for (const session::RoundNode& node : state.rounds) {
    RecordedRound round{node.record, node.picked, {}, {}};
    if (tokenize) {
      round.token_ids = tokenize(node.record.prompt);
      round.negative_token_ids = tokenize(node.record.negative_prompt);
    }
    out.rounds.push_back(std::move(round));
  }
  return out;
}

fs::path recorded_picture(const fs::path& folder, const RecordedRound& round, int k,
                          session::FileSystem& files) {
  const fs::path own = folder / session::candidate_image_name(round.record.round, k);
  if (k != round.picked || !files.exists(folder / session::kJournalName)) return own;
  return folder / session::picked_image_name(round.record.round);
}

}  // namespace omr::replay
