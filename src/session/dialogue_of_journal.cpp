// The reverse of a session: from its records to the lines that a person typed.
#include "omr/core/error.h"
#include "omr/session/dialogue.h"
#include "omr/session/journal_reader.h"
#include "omr/session/settings.h"
#include "omr/session/state.h"

#include "session/shortest_text.h"

namespace omr::session {
namespace {

// Whether a resume follows: then an accept or quit before it did not end the dialogue.
bool resumed_after(const std::vector<Record>& records, std::size_t at) {
  for (std::size_t i = at + 1; i < records.size(); ++i) {
    if (std::holds_alternative<ResumeRecord>(records[i])) return true;
  }
  return false;
}

class Typist {
 public:
  Typist(Dialogue& dialogue, const std::vector<Record>& records, bool drawn)
      : dialogue_(dialogue), records_(records), drawn_(drawn) {}

  void operator()(const RoundRecord& record) {
    drawn_ = true;
    if (record.feedback.empty()) return;
    type(record.feedback);
    dialogue_.refinements.push_back(
        {record.feedback, record.prompt, record.negative_prompt, record.fallback_reason});
  }
  void operator()(const PickRecord& record) { type("/pick " + std::to_string(record.candidate)); }
  void operator()(const ReactionRecord& record) {
    type((record.liked ? "/like " : "/dislike ") + std::to_string(record.candidate));
  }
  void operator()(const AcceptRecord& record) {
    const bool ended = !resumed_after(records_, at);
    type((ended ? "/accept " : "/pick ") + std::to_string(record.candidate));
  }
  void operator()(const MoveRecord& record) {
    if (record.move == Move::go_to) {
      type("/goto " + std::to_string(record.round));
    } else {
      type(record.move == Move::undo ? "/undo" : "/redo");
    }
  }
  void operator()(const SeedRecord& record) { type("/seed " + std::to_string(record.seed)); }
  void operator()(const StrengthRecord& record) {
    type("/strength " + shortest_text(record.strength));
  }
  // The first round has what its settings say.
  void operator()(const StepsRecord& record) {
    if (drawn_) type("/steps " + std::to_string(record.steps));
  }
  void operator()(const CandidatesRecord& record) {
    if (drawn_) type("/candidates " + std::to_string(record.candidates));
  }
  void operator()(const LoraRecord& record) {
    type("/lora " + record.lora.file + ":" + shortest_text(record.lora.weight));
  }
  // A prompt whose round was dropped drew nothing; the next refined prompt is recorded anyway.
  void operator()(const PromptRecord& record) {
    const RoundRecord* next =
        at + 1 < records_.size() ? std::get_if<RoundRecord>(&records_[at + 1]) : nullptr;
    if (next != nullptr && next->feedback.empty()) type("/prompt " + record.prompt);
  }
  void operator()(const EndRecord& record) {
    if (record.reason == "quit" && !resumed_after(records_, at)) type("/quit");
  }
  void operator()(const SessionRecord&) {}
  void operator()(const DroppedRecord&) {}
  void operator()(const ResumeRecord&) {}

  std::size_t at = 0;

 private:
  void type(std::string line) { dialogue_.turns.push_back(std::move(line)); }

  Dialogue& dialogue_;
  const std::vector<Record>& records_;
  bool drawn_;  // whether the first round lies behind
};

// Index of the first round's record, or none.
std::optional<std::size_t> first_round(const std::vector<Record>& records) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (std::holds_alternative<RoundRecord>(records[i])) return i;
  }
  return std::nullopt;
}

}  // namespace

Dialogue dialogue_of_journal(std::string_view text, const std::string& id,
                             const std::string& where) {
  const Journal journal = read_journal(text, where);
  SessionState state = initial_state(journal.session);
  for (const Record& record : journal.records) session::apply(state, record);  // must fit together

  Dialogue dialogue;
  dialogue.id = id;
  dialogue.seed = journal.session.settings.seed;
  Settings settings = journal.session.settings;
  std::size_t from = 0;
  if (const auto first = first_round(journal.records)) {
    const auto& round = std::get<RoundRecord>(journal.records[*first]);
    if (round.steps > 0) settings.steps = round.steps;
    settings.candidates = static_cast<int>(round.candidates.size());
    const bool by_hand =
        *first > 0 && std::holds_alternative<PromptRecord>(journal.records[*first - 1]);
    // The first attempt was dropped and something else became the first round.
    if (!round.feedback.empty() || by_hand) {
      settings.prompt = round.prompt;
      settings.negative_prompt = round.negative_prompt;
      from = *first + 1;
    }
  }
  settings.round_seconds.reset();  // what it led to is recorded
  settings.metadata = state.settings.metadata;
  dialogue.settings = to_json(settings);
  dialogue.turns.push_back(settings.prompt);
  Typist typist(dialogue, journal.records, from > 0);
  for (typist.at = from; typist.at < journal.records.size(); ++typist.at) {
    std::visit(typist, journal.records[typist.at]);
  }
  if (dialogue.turns.size() > kMaxTurns) {
    throw Error(ErrorKind::format, where + ": expected at most " + std::to_string(kMaxTurns) +
                                       " turns, found " + std::to_string(dialogue.turns.size()));
  }
  return dialogue;
}

}  // namespace omr::session
