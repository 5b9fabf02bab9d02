#include "omr/session/state.h"

#include <algorithm>

#include "omr/core/error.h"

namespace omr::session {
namespace {

[[noreturn]] void misfit(const std::string& what) {
  throw Error(ErrorKind::format, "the journal does not fit together: " + what);
}

void require_current(const SessionState& state, int round, int candidate) {
  if (round != state.current() || !state.has_rounds()) {
    misfit("round " + std::to_string(round) + " is not the current one");
  }
  const std::size_t candidates = state.round(round).record.candidates.size();
  if (candidate < 1 || candidate > static_cast<int>(candidates)) {
    misfit("round " + std::to_string(round) + " has no candidate " + std::to_string(candidate));
  }
}

RoundNode& node(SessionState& state, int round) {
  return state.rounds[static_cast<std::size_t>(round - 1)];
}

void visit_round(SessionState& state, int round) {
  if (!state.visited.empty()) state.visited.resize(state.position + 1);
  state.visited.push_back(round);
  state.position = state.visited.size() - 1;
}

// Brings back what the current round was made with.
void return_to_current(SessionState& state) {
  const RoundRecord& record = state.round(state.current()).record;
  state.options = {record.seed, record.strength, record.loras,
                   record.steps > 0 ? record.steps : state.settings.steps,
                   static_cast<int>(record.candidates.size())};
  state.manual_prompt.reset();
  state.accepted.reset();
}

void apply_one(SessionState&, const SessionRecord&) { misfit("a second session record"); }

void apply_one(SessionState& state, const RoundRecord& record) {
  const int expected = static_cast<int>(state.rounds.size()) + 1;
  if (record.round != expected) {
    misfit("round " + std::to_string(record.round) + " where round " + std::to_string(expected) +
           " is due");
  }
  if (record.parent != state.current()) {
    misfit("round " + std::to_string(record.round) + " follows round " +
           std::to_string(record.parent) + ", but the session stood at " +
           std::to_string(state.current()));
  }
  const int t = record.parent == 0 ? 0 : state.round(record.parent).record.t + 1;
  if (record.t != t) misfit("round " + std::to_string(record.round) + " has the wrong t");
  if (record.candidates.empty() || record.picked < 1 ||
      record.picked > static_cast<int>(record.candidates.size())) {
    misfit("round " + std::to_string(record.round) + " has no picked candidate");
  }
  std::vector<CandidateRewards> raw;
  for (const CandidateRecord& candidate : record.candidates) raw.push_back(candidate.raw);
  add_to(state.statistics, raw, record.applicable);
  state.rounds.push_back({record, record.picked, {}});
  visit_round(state, record.round);
  return_to_current(state);
}

void apply_one(SessionState& state, const PickRecord& record) {
  require_current(state, record.round, record.candidate);
  node(state, record.round).picked = record.candidate;
  state.multipliers = record.multipliers;
}

void apply_one(SessionState& state, const ReactionRecord& record) {
  require_current(state, record.round, record.candidate);
  node(state, record.round).reactions[record.candidate] = record.liked;
  state.multipliers = record.multipliers;
}

void apply_one(SessionState& state, const AcceptRecord& record) {
  require_current(state, record.round, record.candidate);
  node(state, record.round).picked = record.candidate;
  state.accepted = record.round;
  state.ended = true;
}

void apply_one(SessionState& state, const MoveRecord& record) {
  if (record.move == Move::go_to) {
    if (record.round < 1 || record.round > static_cast<int>(state.rounds.size())) {
      misfit("there is no round " + std::to_string(record.round) + " to go to");
    }
    visit_round(state, record.round);
  } else {
    const int direction = record.move == Move::undo ? -1 : 1;
    if (state.neighbour(direction) != record.round) {
      misfit("undo or redo does not lead to round " + std::to_string(record.round));
    }
    state.position += static_cast<std::size_t>(direction);
  }
  return_to_current(state);
}

void apply_one(SessionState& state, const SeedRecord& record) { state.options.seed = record.seed; }

void apply_one(SessionState& state, const StrengthRecord& record) {
  if (!(record.strength > 0 && record.strength <= 1)) misfit("a strength outside (0, 1]");
  state.options.strength = record.strength;
}

void apply_one(SessionState& state, const StepsRecord& record) {
  state.options.steps = record.steps;
}

void apply_one(SessionState& state, const CandidatesRecord& record) {
  state.options.candidates = record.candidates;
}

void apply_one(SessionState& state, const LoraRecord& record) {
  std::vector<LoraChoice>& loras = state.options.loras;
  const auto known = std::find_if(loras.begin(), loras.end(), [&](const LoraChoice& lora) {
    return lora.file == record.lora.file;
  });
  if (record.lora.weight == 0) {
    if (known != loras.end()) loras.erase(known);
  } else if (known != loras.end()) {
    known->weight = record.lora.weight;
  } else {
    loras.push_back(record.lora);
  }
}

void apply_one(SessionState& state, const PromptRecord& record) {
  state.manual_prompt = record.prompt;
}

void apply_one(SessionState&, const DroppedRecord&) {}

void apply_one(SessionState& state, const ResumeRecord& record) {
  state.ended = false;
  if (!record.metadata) state.settings.metadata = false;
}

void apply_one(SessionState& state, const EndRecord&) { state.ended = true; }

}  // namespace

int SessionState::current() const { return visited.empty() ? 0 : visited[position]; }

const RoundNode& SessionState::round(int number) const {
  if (number < 1 || number > static_cast<int>(rounds.size())) {
    throw Error(ErrorKind::usage, rounds.empty() ? "there is no round yet"
                                                 : "there is no round " + std::to_string(number) +
                                                       "; there are rounds 1 to " +
                                                       std::to_string(rounds.size()));
  }
  return rounds[static_cast<std::size_t>(number - 1)];
}

std::vector<std::string> SessionState::prompts_on_branch(int number) const {
  std::vector<std::string> prompts;
  for (; number != 0; number = round(number).record.parent)
    prompts.push_back(round(number).record.prompt);
  std::reverse(prompts.begin(), prompts.end());
  return prompts;
}

Prompt SessionState::base_prompt() const {
  Prompt prompt;
  if (has_rounds()) {
    const RoundRecord& record = round(current()).record;
    prompt = {record.prompt, record.negative_prompt};
  } else {
    prompt = prompt_by_hand(settings.prompt, settings.negative_prompt);
  }
  if (manual_prompt) prompt = replace_prompt(prompt, *manual_prompt);
  return prompt;
}

std::optional<int> SessionState::neighbour(int direction) const {
  if (visited.empty() || (direction < 0 && position == 0)) return std::nullopt;
  const std::size_t next = direction < 0 ? position - 1 : position + 1;
  if (next >= visited.size()) return std::nullopt;
  return visited[next];
}

SessionState initial_state(const SessionRecord& record) {
  SessionState state;
  state.settings = record.settings;
  state.options = {record.settings.seed, record.settings.strength, record.settings.loras,
                   record.settings.steps, record.settings.candidates};
  return state;
}

void apply(SessionState& state, const Record& record) {
  std::visit([&](const auto& one) { apply_one(state, one); }, record);
}

}  // namespace omr::session
