// Where `omr train reward` and `omr train refiner` take their records from.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "omr/train/preference_pairs.h"

#include "cli/train_options.h"

namespace omr::cli {

// What the options say of themselves.
struct RecordTexts {
  const char* data;
  const char* validation;
  const char* sessions;
  const char* scenes;
};

// --data, --validation, --from-sessions, --scenes.
void add_record_options(CLI::App& app, TrainOptions& train, std::vector<std::string>& sessions,
                        const RecordTexts& texts);

// Throws Error(usage) unless exactly one source is given.
void check_record_options(const TrainOptions& train, const std::vector<std::string>& sessions);

// Judged pairs of a file, with a line that says how many could be used.
train::PreferencePairs open_preference_pairs(const std::string& file);

}  // namespace omr::cli
