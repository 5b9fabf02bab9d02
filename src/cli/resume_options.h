// What the options of omr refine mean to a session that goes on with --resume.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "omr/session/state.h"

#include "cli/options.h"

namespace omr::cli {

// Throws Error(usage) when the command line holds an option that only the beginning of a session
// can heed: it would be passed over in silence otherwise.
void check_resume_options(const CLI::App& command);

// The lines that a person would type for what `picture` asks otherwise than the session stands.
std::vector<std::string> resume_commands(const PictureOptions& picture,
                                         const session::Options& options);

}  // namespace omr::cli
