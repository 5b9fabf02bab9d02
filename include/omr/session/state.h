// Where a session stands. Live run, resume and replay all get there by the same apply().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "omr/session/journal_format.h"
#include "omr/session/prompt_refinement.h"

namespace omr::session {

// What the user sets between rounds. A round remembers what it was made with, and going back to it
// brings that back.
struct Options {
  std::uint64_t seed = 0;
  std::optional<double> strength;
  std::vector<LoraChoice> loras;
  int steps = 0;
  int candidates = 0;

  bool operator==(const Options&) const = default;
};

// A round of the tree that undo and goto make of a session.
struct RoundNode {
  RoundRecord record;

  int picked = 1;                 // after the user's choice
  std::map<int, bool> reactions;  // candidate -> liked
};

struct SessionState {
  Settings settings;
  std::vector<RoundNode> rounds;             // rounds[n-1] is round n
  Options options;                           // for the next round
  std::optional<std::string> manual_prompt;  // set by hand and not yet drawn
  RewardTerms multipliers{1, 1, 1};
  RewardStatistics statistics;  // of every round's raw rewards
  std::optional<int> accepted;  // the round
  bool ended = false;

  // Rounds visited, as a browser keeps pages: undo and redo move within it, a round or goto cuts
  // off what lies ahead.
  std::vector<int> visited;
  std::size_t position = 0;

  bool has_rounds() const { return !rounds.empty(); }
  int current() const;                       // round number, 0 before the first
  const RoundNode& round(int number) const;  // Throws Error(usage) when there is none.
  // Prompts from the first round down to `number` along its branch.
  std::vector<std::string> prompts_on_branch(int number) const;
  // The prompt that the next feedback refines.
  Prompt base_prompt() const;
  // Whether undo (−1) or redo (+1) has somewhere to go.
  std::optional<int> neighbour(int direction) const;
};

SessionState initial_state(const SessionRecord& record);

// Throws Error(format) when the record does not fit the state: a round out of order, a candidate
// that does not exist. The state is then unchanged.
void apply(SessionState& state, const Record& record);

}  // namespace omr::session
