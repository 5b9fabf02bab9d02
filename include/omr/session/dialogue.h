// Recorded dialogues, for replay: lines of JSON, or the folder of a session.
//
//   {"id":"d1","seed":7,"messages":[{"role":"user","content":"a red star"}, …]}    chat messages
//   {"question_id":81,"turns":["a red star","make it bigger"]}                     as MT-Bench has
//   them
//   {"id":"d2","prompt":"a red star","turns":[{"user_feedback":"make it bigger"}]}
//
// Each may carry "settings":{…} with keys of Settings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "omr/session/recorded_refiner.h"

namespace omr::session {

inline constexpr std::size_t kMaxTurns = 1000;
inline constexpr std::size_t kMaxDialogueIdBytes = 64;

struct Dialogue {
  std::string id;  // letters, digits, . _ - and not only dots: fit to name a file
  std::optional<std::uint64_t> seed;
  std::vector<std::string> turns;  // the first is the prompt, then lines as a person types them
  nlohmann::json settings = nlohmann::json::object();  // for override_with()
  // What the refiner answered; empty when the record does not say.
  std::vector<RecordedRefinement> refinements;
};

// One dialogue per line; empty lines are passed over. A record without an id is named after its
// line ("line-0003"). Throws Error(format) with `where` and the line for anything else than the
// forms above, for an id that cannot name a file, and for one that appears twice.
std::vector<Dialogue> read_dialogues(std::string_view text, const std::string& where);

// The dialogue that a session's journal holds: its prompt, feedback and commands, with the
// refiner's answers. Rounds that were dropped are left out. Throws as read_journal() does.
Dialogue dialogue_of_journal(std::string_view journal, const std::string& id,
                             const std::string& where);

}  // namespace omr::session
