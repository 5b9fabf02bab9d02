// omr eval: experiments. Each is a subcommand of its own.
#include "cli/eval.h"

#include "cli/commands.h"

namespace omr::cli {

void setup_eval(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand(
      "eval", "experiments with a simulated user, the parts by themselves, and the judge");
  command->require_subcommand(1);
  setup_eval_rounds(*command, selected);
  setup_eval_parts(*command, selected);
  setup_eval_judge(*command, selected);
}

}  // namespace omr::cli
