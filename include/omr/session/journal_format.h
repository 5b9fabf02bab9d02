// The records of a session's journal; docs/journal_format.md describes the file.
//
// One JSON object a line. The first is a SessionRecord. Rounds and candidates are numbered from 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "omr/session/rewards.h"
#include "omr/session/settings.h"

namespace omr::session {

inline constexpr int kJournalVersion = 1;
inline constexpr std::size_t kMaxRecordBytes = 1u << 20;
inline constexpr std::size_t kMaxJournalBytes = 256u << 20;

struct SessionRecord {
  std::string time;
  std::string user;                           // who began it; empty: not told
  std::string model;                          // where the weights came from
  std::map<std::string, std::string> sha256;  // of each part's weights
  Settings settings;                          // holds the seed, which is also a key of its own
  std::string inputs = {};                    // of a replayed dialogue; empty: a person's session
};

struct CandidateRecord {
  std::string image;  // file name in the folder, as written
  std::string sha256;
  std::uint64_t seed = 0;
  std::optional<double> strength;  // that it repeated from kept latents; none: from noise
  CandidateRewards rewards;        // standardised, with their total
  CandidateRewards raw;
};

struct PhraseRecord {
  std::string text;
  double weight = 1;
  std::optional<double> score;         // against this round's picked picture
  std::optional<double> score_before;  // against the last kept one: what the weight came from
};

struct RoundRecord {
  int round = 0;
  int parent = 0;        // 0: none, the first
  int t = 0;             // rounds before it on its branch
  std::string feedback;  // empty: the prompt was given, not refined
  std::string prompt;
  std::string negative_prompt;
  std::string fallback_reason;        // empty: the refiner answered well, or was not asked
  std::vector<std::string> restored;  // phrases that its answer had lost or altered unasked
  std::uint64_t seed = 0;
  std::optional<double> strength;
  std::vector<LoraChoice> loras;
  int steps = 0;  // 0: as the settings say
  std::vector<CandidateRecord> candidates;
  int picked = 1;
  Applicable applicable;
  RewardTerms lambda;
  RewardTerms multipliers;
  std::vector<PhraseRecord> phrases;
  std::string latents;  // file name
  std::string latents_sha256;
  std::map<std::string, double> seconds;  // by part: refine, generate, score, total
  std::int64_t unet_calls = 0;            // one a picture and step; guidance's two halves are one
  std::string user;                       // who asked; empty: not told
};

// Commands. Each says what it led to, so that nothing is worked out again when it is read.
struct PickRecord {
  int round = 0;
  int candidate = 0;
  RewardTerms multipliers;
};
struct ReactionRecord {
  bool liked = true;
  int round = 0;
  int candidate = 0;
  RewardTerms multipliers;
};
struct AcceptRecord {
  int round = 0;
  int candidate = 0;
};
enum class Move { undo, redo, go_to };
struct MoveRecord {
  Move move = Move::undo;
  int round = 0;  // where it led
};
struct SeedRecord {
  std::uint64_t seed = 0;
};
struct StrengthRecord {
  double strength = 0;
};
struct StepsRecord {
  int steps = 0;
};
struct CandidatesRecord {
  int candidates = 0;
};
struct LoraRecord {
  LoraChoice lora;     // weight 0: taken off
  std::string sha256;  // of its file; empty: not told
};
struct PromptRecord {
  std::string prompt;  // as given; the round that follows has it cleaned
};
// A round that was begun and is not part of the session: interrupted or failed.
struct DroppedRecord {
  std::string feedback;
  std::string reason;
};
struct ResumeRecord {
  std::string time;
  std::uint64_t dropped_bytes = 0;  // of a torn last line
  std::string user;                 // who goes on
  bool metadata = true;             // false: pictures leave out the recipe from here on
};
struct EndRecord {
  std::string reason;  // "quit", "end of input", "interrupted"
};

using Record = std::variant<SessionRecord, RoundRecord, PickRecord, ReactionRecord, AcceptRecord,
                            MoveRecord, SeedRecord, StrengthRecord, StepsRecord, CandidatesRecord,
                            LoraRecord, PromptRecord, DroppedRecord, ResumeRecord, EndRecord>;

// The record as one line of JSON without the line break.
std::string to_line(const Record& record);

// Reads a line. `where` names file and line in errors. Throws Error(format) for anything but a
// complete record of a known event and version; unknown keys are passed over, so that later
// versions may add some.
Record parse_record(std::string_view line, const std::string& where);

}  // namespace omr::session
