// The parts of a Stable Diffusion model, configs and weights, wherever its files put them: a
// diffusers folder or a single file of the CompVis layout.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "omr/io/json_file.h"
#include "omr/io/single_file.h"
#include "omr/io/weights.h"
#include "omr/pipeline/model_folder.h"

namespace omr::pipeline {

struct ModelFiles {
  io::Config unet, vae, text_encoder;
  io::Weights unet_weights, vae_weights, text_encoder_weights;
  // nullopt for a single file whose prediction type is not known yet.
  std::optional<io::Config> scheduler;
  std::filesystem::path tokenizer;  // a folder
  std::string pad_token;            // where the tokenizer's files do not say; empty: CLIP's own
  std::optional<io::PredictionHint> prediction;  // a single file's
  std::optional<io::ModelFamily> family;         // likewise
  bool turbo = false;                            // likewise: SD-Turbo

  // Throws Error(io|format|mismatch) naming the file. A single file holds no tokenizer: it is
  // looked for in `folder.tokenizer`, in tokenizer/ beside the file, in a folder named as the file,
  // and beside the file itself.
  static ModelFiles open(const ModelFolder& folder);
};

}  // namespace omr::pipeline
