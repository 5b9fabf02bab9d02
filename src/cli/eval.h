// The subcommands of `omr eval`.
#pragma once

#include "cli/commands.h"

namespace omr::cli {

void setup_eval_rounds(CLI::App& app, Command& selected);
void setup_eval_parts(CLI::App& app, Command& selected);
void setup_eval_judge(CLI::App& app, Command& selected);

}  // namespace omr::cli
