// A whole Stable Diffusion model in one safetensors file of the CompVis layout, as its authors
// publish it and the community's tools keep it (diffusers loaders/single_file_utils.py). Such a
// file holds no configs: they follow from the tensors' shapes. SD 1.x has CLIP ViT-L's text tower
// and 1x1 convolutions around its transformers, SD 2.x OpenCLIP's tower and linear layers.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "omr/io/json_file.h"
#include "omr/io/weights.h"

namespace omr::io {

enum class ModelFamily { sd1, sd2 };

std::string to_string(ModelFamily family);  // "Stable Diffusion 1.x", …

// What a file itself says of its prediction type, and where it says so.
struct PredictionHint {
  std::string prediction_type;  // "epsilon" or "v_prediction"
  std::string evidence;
};

struct SingleFile {
  std::filesystem::path path;
  ModelFamily family = ModelFamily::sd1;
  // The keys of diffusers' and transformers' config.json files.
  Json unet_config, vae_config, text_encoder_config;
  // Under diffusers' and transformers' names; views of the mapped file.
  Weights unet, vae, text_encoder;
  // SD 1.x is epsilon throughout. Nothing where an SD 2.x file says nothing.
  std::optional<PredictionHint> prediction;
  // Why the file is taken for SD-Turbo (arXiv 2311.17042), SD 2.1's layout distilled to 1 to 4
  // steps without guidance; empty: it is not.
  std::string turbo;
  std::string pad_token;  // that the family's tokenizer pads with
};

// Throws Error(io), Error(format) as SafetensorsFile::open; Error(mismatch) saying what the file is
// when it is no Stable Diffusion 1.x or 2.x checkpoint, or which part it lacks.
SingleFile read_single_file(const std::filesystem::path& path);

// In a few words what a file's tensors are, for messages: "a LoRA", "an SDXL checkpoint", …;
// "unknown weights" when nothing is recognised.
std::string describe_weights(const Weights& weights);

// scheduler_config.json of a model of this family, as its authors publish it.
Json scheduler_config_of(ModelFamily family, const std::string& prediction_type, bool turbo);

}  // namespace omr::io
