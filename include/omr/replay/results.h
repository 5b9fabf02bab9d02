// results.jsonl: one line a dialogue, written as it ends. There are no times and no paths in a
// line, so that equal runs give equal files: resumed or not, by one process or by many.
//
//   {"id":"d1","status":"accepted","rounds":3,"inputs":"…","digest":"…"}
//
// A shard writes results.shard-I-of-N.jsonl; the one that completes the set merges them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omr/replay/shard.h"
#include "omr/session/file_system.h"

namespace omr::replay {

inline constexpr const char* kResultsName = "results.jsonl";

enum class DialogueStatus { accepted, ended, failed };
const char* to_string(DialogueStatus status);

// A prompt that the refiner gave otherwise than the record (--rerun-refiner).
struct RefinerDifference {
  int round = 0;
  std::string recorded;
  std::string now;

  bool operator==(const RefinerDifference&) const = default;
};

struct DialogueResult {
  std::string id;
  DialogueStatus status = DialogueStatus::ended;
  int rounds = 0;
  std::string inputs;  // SHA-256 of what was asked for: turns, settings, weights
  std::string digest;  // SHA-256 of what came of it: prompts, pictures, rewards; empty when failed
  std::string error;   // of a failed one
  std::vector<RefinerDifference> refiner_differences;

  bool operator==(const DialogueResult&) const = default;
};

// The line without its break.
std::string to_line(const DialogueResult& result);
// Throws Error(format) with `where` in front.
DialogueResult parse_result(std::string_view line, const std::string& where);
// Whole lines; a torn last one is passed over, of two lines about one dialogue the later one holds.
std::vector<DialogueResult> read_results(std::string_view text, const std::string& where);

// Whether a file of this name is of this kind: sources of dialogues pass it over.
bool is_results_name(std::string_view name);

class ResultsFile {
 public:
  // Takes the file of this shard in `folder`, locked while this lives. Throws Error(usage) when
  // results are there already, other than those of the batch's other shards, and `resume` is false,
  // or another process works on them.
  ResultsFile(session::FileSystem& files, std::filesystem::path folder, const Shard& shard,
              bool resume);

  // What is known of a dialogue from this or any other file of results in the folder.
  const DialogueResult* find(const std::string& id) const;
  // Puts the line on disk, unless this shard's file says the same already.
  void append(const DialogueResult& result);
  // Puts the lines in the order of `ids`, the whole batch's. With shards: when all of them are
  // complete, results.jsonl is written. Returns whether results.jsonl now holds all of `ids`.
  bool finish(const std::vector<std::string>& ids);

 private:
  std::vector<DialogueResult> read(const std::string& name) const;

  session::FileSystem& files_;
  std::filesystem::path folder_;
  Shard shard_;
  std::string name_;
  std::unique_ptr<session::FileLock> lock_;
  std::map<std::string, DialogueResult> known_;
  std::map<std::string, DialogueResult> own_;  // in this shard's file
};

}  // namespace omr::replay
