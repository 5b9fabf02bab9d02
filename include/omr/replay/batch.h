// Many dialogues on one set of models, one after another or several at once. A failing one is
// reported and the rest go on; what is whole already need not be done again.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "omr/replay/run_dialogue.h"
#include "omr/replay/shard.h"

namespace omr::replay {

struct BatchOptions {
  std::filesystem::path out;  // a folder per dialogue, named by its id, and results.jsonl
  Shard shard;
  // Dialogues that ended well with the same inputs, and whose pictures are there, are skipped; one
  // that is half done, failed or was asked for otherwise is begun anew. A session that no batch
  // made, or that a person went on with, makes its dialogue fail.
  bool resume = false;
  bool rerun_refiner = false;
  // Dialogues that advance at once, their pictures drawn in one batch (groups.h); at least 1. What
  // is drawn together is resumed together: one dialogue of a group to do again means all of it.
  std::size_t together = 1;
};

struct BatchEvents {
  // A dialogue ended now, or was found whole (`skipped`); `done` of `total` are behind.
  std::function<void(const DialogueResult& result, bool skipped, std::size_t done,
                     std::size_t total)>
      dialogue;
  std::function<void(const std::string& line)> line;  // of a journal
};

struct BatchSummary {
  std::vector<DialogueResult> results;  // of this shard, in order
  std::size_t skipped = 0;              // of them, that were whole before
  std::vector<std::string> failed;      // ids
  bool complete = false;                // results.jsonl holds the whole batch
};

// What a dialogue runs with; what it throws makes that dialogue fail.
using Prepare = std::function<Preparation(const session::Dialogue& dialogue)>;

// Models and files are only ever used by one thread at a time, the models by the calling one.
// Throws Error(cancelled) when interrupted (what is done stays on disk, --resume goes on),
// Error(usage) when a dialogue would replace the session that it comes from, and what writing the
// results throws.
BatchSummary run_batch(const std::vector<session::Dialogue>& dialogues, const BatchOptions& options,
                       const Prepare& prepare, const session::Parts& parts,
                       const session::ModelIdentity& identity, const BatchEvents& events,
                       const Cancellation& cancellation);

}  // namespace omr::replay
