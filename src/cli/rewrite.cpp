// omr rewrite PROMPT --feedback TEXT: the refiner alone.
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/core/utf8.h"

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"

namespace omr::cli {
namespace {

struct RewriteOptions {
  ModelOptions model;
  OutputOptions output;
  std::string prompt;
  std::string feedback;
};

int run_rewrite(const RewriteOptions& options) {
  apply_verbosity(options.output);
  check_text(options.prompt, "prompt");
  check_text(options.feedback, "feedback");
  const auto folder = refiner_folder(options.model);
  if (!folder) throw Error(ErrorKind::io, "the model folder has no refiner/: give --refiner DIR");
  llm::Refiner refiner = open_refiner(*folder, options.model);
  const llm::Refinement answer = refiner.refine(options.prompt, options.feedback, &interruption());
  if (options.output.json) {
    nlohmann::ordered_json event = {
        {"event", "rewrite"}, {"prompt", answer.prompt}, {"fallback", answer.fallback}};
    if (answer.negative) event["negative_prompt"] = *answer.negative;
    if (answer.fallback) event["fallback_reason"] = answer.fallback_reason;
    event["input_tokens"] = answer.input_ids;
    event["tokens"] = answer.tokens;
    print_event(event);
    return kExitDone;
  }
  if (answer.fallback)
    log::warn("the refiner's answer was not usable (" + answer.fallback_reason +
              "); joined instead");
  print_line(printable_line(answer.prompt));
  if (answer.negative) print_line("Negative: " + printable_line(*answer.negative));
  return kExitDone;
}

}  // namespace

void setup_rewrite(CLI::App& app, Command& selected) {
  auto* command = app.add_subcommand("rewrite", "the refiner alone: prints the refined prompt");
  auto options = std::make_shared<RewriteOptions>();
  command->add_option("prompt", options->prompt, "the prompt so far")->required();
  command->add_option("--feedback", options->feedback, "what should change")->required();
  add_model_option(*command, options->model);
  add_refiner_options(*command, options->model);
  add_execution_options(*command, options->model);
  add_output_options(*command, options->output);
  command->callback(
      [options, &selected] { selected = [options] { return run_rewrite(*options); }; });
}

}  // namespace omr::cli
