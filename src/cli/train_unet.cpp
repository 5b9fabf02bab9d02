// omr train unet: the denoiser, and the text encoder on request.
#include <filesystem>
#include <memory>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/train/unet_trainer.h"

#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/output.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

namespace fs = std::filesystem;

struct UNetOptions {
  TrainOptions train;
  train::UNetSettings unet;
  ModelOptions model;
  std::string text_encoder_config;

  UNetOptions() { train.loop.ema.decay = 0.9999; }
};

int run_train_unet(UNetOptions options) {
  apply_verbosity(options.train.output);
  train::ProcessGroup processes = prepare(options.train);
  train::UNetSettings& unet = options.unet;
  std::tie(unet.unet, unet.from_nothing) = start_of(options.train);
  std::tie(unet.width, unet.height) = training_size(options.train);
  unet.output_dtype = output_dtype(options.train);
  unet.loop = options.train.loop;
  if (!options.text_encoder_config.empty()) {
    if (!unet.text_encoder.empty())
      throw Error(ErrorKind::usage, "give --text-encoder or --text-encoder-config, not both");
    unet.text_encoder = options.text_encoder_config;
    unet.text_encoder_from_nothing = true;
    unet.train_text_encoder = true;
  }
  const fs::path model = model_path(options.model);
  const auto part = [&](fs::path& folder, const char* name) {
    if (folder.empty()) folder = model / name;
  };
  part(unet.vae, "vae");
  part(unet.text_encoder, "text_encoder");
  part(unet.tokenizer, "tokenizer");
  part(unet.scheduler, "scheduler");
  const PictureSources sources = open_picture_sources(options.train);
  train::train_unet(unet, *sources.training, *sources.held_out, processes,
                    make_observer(options.train, processes), interruption());
  if (processes.is_first()) print_line((unet.loop.out / "unet").string());
  return kExitDone;
}

}  // namespace

void setup_train_unet(CLI::App& train, Command& selected) {
  auto* command = train.add_subcommand("unet", "the denoiser, and the text encoder on request");
  auto options = std::make_shared<UNetOptions>();
  train::UNetSettings& unet = options->unet;
  add_train_options(*command, options->train);
  add_picture_source_options(*command, options->train);
  command->add_option("--model", options->model.model,
                      "model folder that the other parts come from (default: the embedded pack)");
  command->add_option("--vae", unet.vae, "folder of the autoencoder (default: vae/ of the model)");
  command->add_option("--text-encoder", unet.text_encoder,
                      "folder of the text encoder (default: text_encoder/ of the model)");
  command->add_option("--tokenizer", unet.tokenizer,
                      "folder of the tokenizer (default: tokenizer/ of the model)");
  command->add_option("--noise-schedule", unet.scheduler,
                      "folder with scheduler_config.json (default: scheduler/ of the model)");
  command->add_flag("--train-text-encoder", unet.train_text_encoder, "train the text encoder too");
  command->add_option("--text-encoder-config", options->text_encoder_config,
                      "train a text encoder of this folder's config.json from nothing");
  command
      ->add_option("--text-encoder-lr", unet.text_encoder_lr_factor,
                   "its learning rate, as a share of --lr")
      ->capture_default_str();
  command->add_option("--snr-gamma", unet.snr_gamma, "min-SNR weighting; 0: none")
      ->capture_default_str();
  command
      ->add_option("--timestep-bias-multiplier", unet.timestep_bias.multiplier,
                   "draw the noisiest timesteps so many times as often")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--timestep-bias-portion", unet.timestep_bias.portion,
                   "share of the timesteps that are the noisiest")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      ->add_option("--object-weight", unet.object_weights.whole,
                   "weight of what differs from a plain background")
      ->capture_default_str();
  command
      ->add_option("--shown-object-weight", unet.object_weights.shown,
                   "the same, but less the more noise hides it")
      ->capture_default_str();
  command
      ->add_option("--caption-dropout", unet.caption_dropout,
                   "share of empty captions, for guidance")
      ->capture_default_str();
  command->add_option("--samples", unet.samples, "pictures drawn at each look")
      ->capture_default_str();
  command
      ->add_option("--sample-guidance-scale", unet.sample_guidance_scale,
                   "guidance of these pictures")
      ->capture_default_str();
  command->callback(
      [options, &selected] { selected = [options] { return run_train_unet(*options); }; });
}

}  // namespace omr::cli
