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
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "omr/session/recorded_refiner.h"

namespace omr::session {

inline constexpr std::size_t kMaxTurns = 1'000'000;  // as many as a journal's rounds may be
inline constexpr std::size_t kMaxDialogueIdBytes = 64;

struct Dialogue {
  std::string id;  // letters, digits, . _ - and not only dots: fit to name a file
  std::optional<std::uint64_t> seed;
  std::vector<std::string> turns;  // the first is the prompt, then lines as a person types them
  nlohmann::json settings = nlohmann::json::object();  // for override_with()
  // What the refiner answered; empty when the record does not say.
  std::vector<RecordedRefinement> refinements;
  std::filesystem::path folder;  // of the session that it was read from; empty: from a line
  std::string error;             // why its line could not be read: BadLines::keep
};

// What read_dialogues() does about a line that is no dialogue.
enum class BadLines { refuse, keep };

// One dialogue per line; empty lines are passed over. A record without an id is named after its
// line ("line-0003"). Throws Error(format) with `where` and the line for anything else than the
// forms above, for an id that cannot name a file or is a name that omr gives its own files, and for
// one that appears twice. With BadLines::keep such a line becomes a dialogue that says the error,
// as long as any line is good.
std::vector<Dialogue> read_dialogues(std::string_view text, const std::string& where,
                                     BadLines bad = BadLines::refuse);

// One of them, from its JSON.
Dialogue dialogue_of_json(const nlohmann::json& object, const std::string& where,
                          const std::string& fallback_id);

// Whether a folder of this name would take the place of a file that a batch or a golden run writes,
// or make its folder look like a session's.
bool is_own_name(std::string_view name);

// The dialogue that a session's journal holds: its prompt, feedback and commands, with the
// refiner's answers. Rounds that were dropped are left out. Throws as read_journal() does, and
// Error(format) for more than kMaxTurns.
Dialogue dialogue_of_journal(std::string_view journal, const std::string& id,
                             const std::string& where);

}  // namespace omr::session
