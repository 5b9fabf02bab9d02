// omr train vae: the autoencoder between pixels and latents.
#include <cstdint>
#include <memory>
#include <optional>

#include "omr/core/error.h"
#include "omr/core/exit_code.h"
#include "omr/train/vae_trainer.h"

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/train_options.h"

namespace omr::cli {
namespace {

struct VaeOptions {
  TrainOptions train;
  train::VaeSettings vae;
  std::optional<double> perceptual_weight;
  std::optional<std::int64_t> adversarial_start;
  bool dense = false;

  VaeOptions() { train.loop.learning_rate.peak = 1e-3; }
};

// Of what is given in several options. Throws Error(usage) where one says nothing without another.
void set_judges(VaeOptions& options) {
  if (options.perceptual_weight) {
    if (options.vae.lpips.empty()) {
      throw Error(ErrorKind::usage,
                  "--perceptual-weight weighs LPIPS: give its weights by --lpips FILE");
    }
    options.vae.weights.perceptual = *options.perceptual_weight;
  }
  if (options.adversarial_start) {
    if (options.vae.adversarial_weight == 0) {
      throw Error(ErrorKind::usage,
                  "--adversarial-start says when the discriminator begins: give its weight by "
                  "--adversarial-weight W");
    }
    options.vae.adversarial_start = *options.adversarial_start;
  }
}

int run_train_vae(VaeOptions options) {
  apply_verbosity(options.train.output);
  set_judges(options);
  train::ProcessGroup processes = prepare(options.train);
  std::tie(options.vae.model, options.vae.from_nothing) = start_of(options.train);
  std::tie(options.vae.width, options.vae.height) = training_size(options.train);
  options.vae.output_dtype = output_dtype(options.train);
  options.vae.loop = options.train.loop;
  const PictureSources sources =
      open_picture_sources(options.train, options.dense ? SceneStyle::dense : SceneStyle::plain);
  train::train_vae(options.vae, *sources.training, *sources.held_out, processes,
                   make_observer(options.train, processes), interruption());
  if (processes.is_first()) print_line((options.vae.loop.out / "vae").string());
  return kExitDone;
}

}  // namespace

void setup_train_vae(CLI::App& train, Command& selected) {
  auto* command = train.add_subcommand(
      "vae", "the autoencoder: reconstruction and KL, LPIPS and a discriminator");
  auto options = std::make_shared<VaeOptions>();
  add_train_options(*command, options->train);
  add_picture_source_options(*command, options->train);
  command->add_flag("--dense", options->dense,
                    "crowded scenes: edges and colours are learnt faster");
  command->add_flag("--decoder-only", options->vae.decoder_only,
                    "leave the encoder as it is, so that denoisers trained on it stay valid");
  command
      ->add_option(
          "--latent-noise", options->vae.latent_noise,
          "most noise on the latents, so that the decoder forgives a denoiser's errors; in "
          "deviations of the latents")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--l1", options->vae.weights.l1, "weight of the absolute error")
      ->capture_default_str();
  command->add_option("--l2", options->vae.weights.l2, "weight of the squared error")
      ->capture_default_str();
  command->add_option("--kl", options->vae.weights.kl, "weight of the KL divergence")
      ->capture_default_str();
  command
      ->add_option("--object-weight", options->vae.object_weight,
                   "weight of pixels that differ from a plain background")
      ->capture_default_str();
  command->add_option("--lpips", options->vae.lpips,
                      "weights of the perceptual distance LPIPS (VGG16), a .safetensors file");
  command
      ->add_option("--perceptual-weight", options->perceptual_weight,
                   "weight of LPIPS (default: 1 with --lpips)")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--adversarial-weight", options->vae.adversarial_weight,
                   "weight of a discriminator that is trained beside, of the reconstruction's "
                   "gradient; 0: none")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--adversarial-start", options->adversarial_start,
                   "step from which on the discriminator is there (default: 0)")
      ->check(CLI::NonNegativeNumber);
  command->callback(
      [options, &selected] { selected = [options] { return run_train_vae(*options); }; });
}

}  // namespace omr::cli
