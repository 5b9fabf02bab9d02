// A picture's recipe as AUTOMATIC1111's web UI writes it into the PNG text chunk `parameters`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "omr/session/image_model.h"

namespace omr::session {

inline constexpr const char* kParametersKeyword = "parameters";

struct PictureRecipe {
  std::string prompt;
  std::string negative_prompt;
  int steps = 0;
  std::string scheduler;
  double guidance_scale = 0;
  std::uint64_t seed = 0;
  int width = 0;
  int height = 0;
  std::optional<double> strength;
  std::vector<LoraChoice> loras;
  std::string model;
};

// Prompt, `Negative prompt: …` when there is one, then `Steps: 20, Sampler: DDIM, CFG scale: 4, …`.
// Values holding commas, colons or line breaks are quoted as JSON strings.
std::string parameters_text(const PictureRecipe& recipe);

}  // namespace omr::session
