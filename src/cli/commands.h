// The verbs of the command line, one file each: setup_x declares its options on `app` and returns
// nothing; what it declares runs when its subcommand was given, and returns the exit code.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace omr::cli {

using Command = std::function<int()>;

// Each registers one subcommand and hands `selected` the work to do when it was chosen.
void setup_generate(CLI::App& app, Command& selected);
void setup_refine(CLI::App& app, Command& selected);
void setup_replay(CLI::App& app, Command& selected);
void setup_rewrite(CLI::App& app, Command& selected);
void setup_score(CLI::App& app, Command& selected);
void setup_inspect(CLI::App& app, Command& selected);
void setup_eval(CLI::App& app, Command& selected);
void setup_train(CLI::App& app, Command& selected);
void setup_report(CLI::App& app, Command& selected);
void setup_bench(CLI::App& app, Command& selected);

}  // namespace omr::cli
