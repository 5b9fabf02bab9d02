// omr train WHAT: makes or improves one part of a model.
#include "cli/commands.h"
#include "cli/train_options.h"

namespace omr::cli {

void setup_train(CLI::App& app, Command& selected) {
  auto* train = app.add_subcommand("train", "make or improve one part of a model");
  train->require_subcommand(1);
  for (const auto setup :
       {setup_train_vae, setup_train_text_encoder, setup_train_unet, setup_train_clip,
        setup_train_lora, setup_train_reward, setup_train_refiner}) {
    setup(*train, selected);
  }
}

}  // namespace omr::cli
