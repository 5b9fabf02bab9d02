// A run beside a golden run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "omr/replay/golden.h"
#include "omr/replay/picture_difference.h"
#include "omr/session/artifact_codec.h"

namespace omr::replay {

// A picture that is not what it was.
struct PictureComparison {
  int round = 0;
  int candidate = 0;
  bool within_limits = false;
  PictureDifference difference;
  std::string before, after, amplified;  // PNG bytes; empty when missing or beyond kMaxShown
};

struct DialogueComparison {
  std::string id;
  std::vector<std::string> differences;  // one line each: where, expected, found
  std::vector<PictureComparison> pictures;
  int largest = 0;     // over all its pictures
  double seconds = 0;  // that the run took for it
};

struct Comparison {
  // Same class of machine: everything must be equal to the bit. Otherwise pictures and rewards may
  // be off within the golden run's limits.
  bool exact = false;
  Limits limits;
  std::vector<std::string> inputs;  // what went in otherwise: weights, versions, machine
  std::vector<DialogueComparison> dialogues;

  std::size_t different() const;  // dialogues
  bool equal() const { return different() == 0; }
};

// A run to compare: its dialogues in `folder`, those that failed with their errors.
struct ComparedRun {
  std::filesystem::path folder;
  Environment environment;
  session::ModelIdentity identity;
  std::vector<RecordedDialogue> dialogues;
  std::map<std::string, std::string> failed;  // id -> error
};

// What was asked (turns, settings), what the refiner made of it (prompts, token ids), seeds, picks,
// rewards and pictures; a picture of the golden run that is not the recorded one is a difference.
// Throws Error(io|format) for the golden run's own files.
Comparison compare_with_golden(const Golden& golden, const ComparedRun& run,
                               session::FileSystem& files, session::ArtifactCodec& codec);

// The comparison as a page: before, after and amplified difference of each picture that changed,
// and what in the inputs differs.
std::string comparison_page(const Comparison& comparison, const std::string& golden);

// JUnit's XML, a test case a dialogue, as CI systems read it.
std::string junit_xml(const Comparison& comparison);

}  // namespace omr::replay
