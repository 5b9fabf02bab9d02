// What a model folder or single file holds, told from its configs and headers without reading
// weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "omr/io/weights.h"
#include "omr/pipeline/model_folder.h"

namespace omr::pipeline {

struct PartReport {
  std::string name;  // "unet", …
  std::string
      problem;  // why it cannot be used; empty: it can, as far as its config and header tell
  io::Weights weights;  // empty where there is a problem
  std::string family;   // of the model that it belongs to, where it tells; else empty
};

// Refiner and reward model have reports of their own (llm/refiner_report.h,
// reward/reward_report.h).
struct ModelReport {
  std::string family;     // "Stable Diffusion 2.x", …, with what the UNet's inputs say
  std::string pipeline;   // a folder's _class_name
  std::string scheduler;  // diffusers' class
  std::string
      prediction_type;  // with where it is said; "not stated …" for a single file that is silent
  std::vector<PartReport> parts;
  std::vector<std::string> missing;  // what must be added before pictures can be drawn
};

// Throws Error only when the model as a whole is not one that omr opens.
ModelReport report_model(const ModelFolder& folder);

// One part's folder (unet/, vae/ or text_encoder/ of a model): named by what its config.json says.
// A part without a name is of no use to omr, and its problem says why.
PartReport report_part(const std::filesystem::path& folder);

// The family that weights of this kind belong to, by the width of their text encoder: "Stable
// Diffusion 2.x" and the like, or what the width is. `width` is that of cross attention's context.
std::string family_of_width(std::int64_t width);

}  // namespace omr::pipeline
