// A golden run: recorded dialogues with what came of them, to compare later runs with. It is a
// folder:
//
//   golden.json                      everything but the pictures
//   <id>/round-001-c1.png, …         every candidate of every round
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "omr/replay/environment.h"
#include "omr/session/dialogue.h"
#include "omr/session/file_system.h"
#include "omr/session/journal_format.h"
#include "omr/session/session.h"

namespace omr::replay {

inline constexpr const char* kGoldenName = "golden.json";

// How far a run on another class of machine may be off. docs/ci.md says how the numbers were
// chosen.
struct Limits {
  int max = 4;           // of 255, any channel of any pixel
  double mean = 0.05;    // of 255
  double ssim = 0.999;   // at least
  double reward = 0.01;  // of a standardised reward, whose spread is 1
};

struct RecordedRound {
  session::RoundRecord record;
  int picked = 1;  // after the user's choice
  // Of prompt and negative prompt by the model's tokenizer; empty when it was not recorded.
  std::vector<std::int64_t> token_ids;
  std::vector<std::int64_t> negative_token_ids;
};

struct RecordedDialogue {
  // Its settings hold everything, so that it runs the same anywhere; its folder has the pictures.
  session::Dialogue dialogue;
  std::optional<int> accepted;
  std::vector<RecordedRound> rounds;
};

// Why a golden run was made anew.
struct GoldenUpdate {
  std::string time;
  std::string reason;
  std::string omr;
};

struct Golden {
  Environment environment;  // empty when unknown
  session::ModelIdentity identity;
  Limits limits;
  std::vector<GoldenUpdate> history;
  std::vector<RecordedDialogue> dialogues;
};

using Tokenize = std::function<std::vector<std::int64_t>(const std::string& prompt)>;

// What the session in `folder` recorded. `tokenize` may be null. Throws Error(io|format).
RecordedDialogue read_recorded(const std::filesystem::path& folder, const std::string& id,
                               session::FileSystem& files, const Tokenize& tokenize);

// A folder with golden.json, or one of sessions as `omr replay --out` leaves it. Throws
// Error(io|format), Error(usage) when the folder is neither or the names of two sessions' folders
// make one id.
Golden read_golden(const std::filesystem::path& folder, session::FileSystem& files);

// Copies the pictures from the dialogues' folders and writes golden.json last: pictures of an
// update that was cut short are not those that golden.json speaks of, which compare_with_golden()
// tells. Throws Error(usage) where a dialogue's folder would be that of a session.
void write_golden(const std::filesystem::path& folder, const Golden& golden,
                  session::FileSystem& files);

// The file of candidate k of a round in a dialogue's folder, of a golden run and of a session
// alike.
std::filesystem::path recorded_picture(const std::filesystem::path& folder,
                                       const RecordedRound& round, int k,
                                       session::FileSystem& files);

}  // namespace omr::replay
