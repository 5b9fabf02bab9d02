// What came of a line of input, for cli to show.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "omr/session/journal_format.h"
#include "omr/session/prompt_diff.h"
#include "omr/session/state.h"

namespace omr::session {

// A round was drawn; it is on disk and current.
struct RoundDone {
  RoundRecord record;
  int t = 0;
  std::vector<DiffSpan>
      prompt_diff;              // against the prompt that was refined; empty in the first round
  std::filesystem::path image;  // the picked picture
};
// The user interrupted a round; the session stands where it stood.
struct RoundCancelled {
  std::string feedback;
};
struct Accepted {
  int round = 0;
  int candidate = 1;
  std::filesystem::path image;
};
struct Picked {
  int round = 0;
  int candidate = 1;
  std::filesystem::path image;
  RewardTerms multipliers;
};
struct Reacted {
  bool liked = true;
  int round = 0;
  int candidate = 1;
  RewardTerms multipliers;
};
struct Moved {
  Move move = Move::undo;
  int from = 0;
  int round = 0;
  std::string prompt;
  std::filesystem::path image;
};
// /seed, /strength, /lora: holds from the next round.
struct OptionsChanged {
  Options options;
};
// Views: cli renders them from Session::state().
struct ShowState {};
struct ShowWeights {};
struct ShowHelp {};
struct Quit {};
struct Nothing {};

using Outcome = std::variant<Nothing, RoundDone, RoundCancelled, Accepted, Picked, Reacted, Moved,
                             OptionsChanged, ShowState, ShowWeights, ShowHelp, Quit>;

}  // namespace omr::session
