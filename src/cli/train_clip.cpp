// omr train clip: the reward model's base, a CLIP dual tower.
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/train/clip_trainer.h"

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

struct ClipOptions {
  TrainOptions train;
  train::ClipSettings clip;

  ClipOptions() { train.loop.learning_rate.peak = 5e-4; }
};

int run_train_clip(ClipOptions options) {
  apply_verbosity(options.train.output);
  train::ProcessGroup processes = prepare(options.train);
  std::tie(options.clip.model, options.clip.from_nothing) = start_of(options.train);
  if (!options.clip.text_encoder.empty() && !options.clip.from_nothing) {
    throw Error(ErrorKind::usage, "--text-encoder begins a text tower from nothing: give --config");
  }
  options.clip.output_dtype = output_dtype(options.train);
  options.clip.loop = options.train.loop;
  const PictureSources sources = open_picture_sources(options.train);
  train::train_clip(options.clip, *sources.training, *sources.held_out, processes,
                    make_observer(options.train, processes), interruption());
  if (processes.is_first()) print_line((options.clip.loop.out / "reward").string());
  return kExitDone;
}

}  // namespace

void setup_train_clip(CLI::App& train, Command& selected) {
  auto* command =
      train.add_subcommand("clip", "text and image towers: captions against hard negatives");
  auto options = std::make_shared<ClipOptions>();
  add_train_options(*command, options->train);
  add_picture_source_options(*command, options->train);
  command
      ->add_option("--text-encoder", options->clip.text_encoder,
                   "text encoder folder whose layers the text tower begins with")
      ->type_name("DIR");
  command
      ->add_option("--fine-grained-weight", options->clip.fine_grained_weight,
                   "of a second contrast: each word against the patch it fits best")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      ->add_option("--layout-weight", options->clip.layout_weight,
                   "of a loss of what stands where, read from either feature")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->callback(
      [options, &selected] { selected = [options] { return run_train_clip(*options); }; });
}

}  // namespace omr::cli
