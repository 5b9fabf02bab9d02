// omr train text-encoder: which words belong together, before a denoiser is trained with them.
#include <filesystem>
#include <memory>

#include "omr/core/exit_code.h"
#include "omr/train/text_encoder_trainer.h"

#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

struct TextEncoderOptions {
  TrainOptions train;
  train::TextEncoderSettings text_encoder;
  ModelOptions model;

  TextEncoderOptions() { train.loop.learning_rate.peak = 2e-3; }
};

int run_train_text_encoder(TextEncoderOptions options) {
  apply_verbosity(options.train.output);
  train::ProcessGroup processes = prepare(options.train);
  train::TextEncoderSettings& settings = options.text_encoder;
  std::tie(settings.text_encoder, settings.from_nothing) = start_of(options.train);
  std::tie(settings.width, settings.height) = training_size(options.train);
  settings.output_dtype = output_dtype(options.train);
  settings.loop = options.train.loop;
  const std::filesystem::path model = model_path(options.model);
  if (settings.vae.empty()) settings.vae = model / "vae";
  if (settings.tokenizer.empty()) settings.tokenizer = model / "tokenizer";
  // What a caption leaves open would only be noise in the mean that is learnt.
  const PictureSources sources = open_picture_sources(options.train, SceneStyle::told_whole);
  train::train_text_encoder(settings, *sources.training, *sources.held_out, processes,
                            make_observer(options.train, processes), interruption());
  if (processes.is_first()) print_line((settings.loop.out / "text_encoder").string());
  return kExitDone;
}

}  // namespace

void setup_train_text_encoder(CLI::App& train, Command& selected) {
  auto* command = train.add_subcommand(
      "text-encoder", "the text encoder alone, before its denoiser: words to latents");
  auto options = std::make_shared<TextEncoderOptions>();
  train::TextEncoderSettings& settings = options->text_encoder;
  add_train_options(*command, options->train);
  add_picture_source_options(*command, options->train);
  command->add_option("--model", options->model.model,
                      "model folder that the other parts come from (default: the embedded pack)");
  command->add_option("--vae", settings.vae,
                      "folder of the autoencoder (default: vae/ of the model)");
  command->add_option("--tokenizer", settings.tokenizer,
                      "folder of the tokenizer (default: tokenizer/ of the model)");
  command->callback(
      [options, &selected] { selected = [options] { return run_train_text_encoder(*options); }; });
}

}  // namespace omr::cli
