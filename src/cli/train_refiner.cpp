// omr train refiner: the language model that rewrites prompts.
#include <memory>

#include "omr/core/exit_code.h"
#include "omr/core/log.h"
#include "omr/llm/refiner_template.h"
#include "omr/train/refiner_trainer.h"
#include "omr/train/scene_records.h"

#include "cli/adapter_options.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/record_options.h"
#include "cli/session_sources.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

struct RefinerOptions {
  TrainOptions train;
  train::RefinerSettings refiner;
  Tune tune = Tune::full;
  std::vector<std::string> sessions;

  RefinerOptions() { train.loop.learning_rate.peak = 1e-3; }
};

std::unique_ptr<train::RefinerRecords> open_records(const std::string& file) {
  auto records = std::make_unique<train::RefinerRecords>(train::RefinerRecords::open(file));
  if (records->broken_lines() > 0) log::warn(file + ": " + records->skipped());
  return records;
}

int run_train_refiner(RefinerOptions options) {
  apply_verbosity(options.train.output);
  train::ProcessGroup processes = prepare(options.train);
  std::tie(options.refiner.model, options.refiner.from_nothing) = start_of(options.train);
  options.refiner.output_dtype = output_dtype(options.train);
  options.refiner.loop = options.train.loop;
  options.refiner.full = options.tune == Tune::full;
  options.refiner.quantize_nf4 = options.tune == Tune::qlora;
  check_record_options(options.train, options.sessions);
  std::shared_ptr<const train::RefinerSource> source, held_out;
  if (options.train.scenes) {
    const bool one_wish = llm::RefinerTemplate::of_folder(options.refiner.model).one_wish_at_a_time;
    source = std::make_shared<train::SceneRecords>(options.train.loop.seed, one_wish);
    held_out = std::make_shared<train::SceneRecords>(held_out_seed(options.train), one_wish);
  } else {
    source = options.sessions.empty()
                 ? open_records(options.train.data)
                 : std::make_unique<train::RefinerRecords>(train::RefinerRecords::of(
                       refinements_of_sessions(options.sessions), "--from-sessions"));
    held_out = source;
    if (!options.train.validation.empty()) held_out = open_records(options.train.validation);
  }
  train::train_refiner(options.refiner, *source, *held_out, processes,
                       make_observer(options.train, processes), interruption());
  if (processes.is_first()) print_line((options.refiner.loop.out / "refiner").string());
  return kExitDone;
}

}  // namespace

void setup_train_refiner(CLI::App& train, Command& selected) {
  auto* command = train.add_subcommand("refiner", "the language model: next token on answers");
  auto options = std::make_shared<RefinerOptions>();
  add_train_options(*command, options->train);
  add_record_options(
      *command, options->train, options->sessions,
      {.data = "records, one JSON object a line: prompt, feedback, refined, and perhaps reasoning",
       .validation = "records to look at while training (default: --data)",
       .sessions = "learn from the accepted rounds of these folders of omr refine",
       .scenes = "make up edits of scenes instead, without end"});
  add_adapter_options(*command, options->tune, options->refiner.lora);
  command->callback(
      [options, &selected] { selected = [options] { return run_train_refiner(*options); }; });
}

}  // namespace omr::cli
