// Results: on stdout, one JSON object a line with --json, plain text otherwise.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/options.h"

namespace omr::cli {

// Prints one line to stdout and flushes it, so that a pipe sees it at once. Throws Error(io) when
// stdout cannot be written (a full disk, a closed pipe).
void print_line(std::string_view line);
void print_event(const nlohmann::ordered_json& event);
// One line of JSON. The control characters that JSON lets through (DEL and C1, which some terminals
// obey) are written as escapes.
void print_json(std::string_view line);

// Sets the log level that -q and -v ask for.
void apply_verbosity(const OutputOptions& options);

}  // namespace omr::cli
