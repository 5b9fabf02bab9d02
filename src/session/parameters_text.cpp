#include "omr/session/parameters_text.h"

#include <filesystem>
#include <map>

#include "omr/session/strict_json.h"

#include "session/shortest_text.h"

namespace omr::session {
namespace {

// The web UI's own names.
std::string sampler_name(const std::string& scheduler) {
  static const std::map<std::string, std::string> names = {{"ddim", "DDIM"},
                                                           {"ddpm", "DDPM"},
                                                           {"euler", "Euler"},
                                                           {"euler_a", "Euler a"},
                                                           {"heun", "Heun"},
                                                           {"lms", "LMS"},
                                                           {"pndm", "PLMS"},
                                                           {"dpmpp_2m", "DPM++ 2M"},
                                                           {"dpmpp_2m_karras", "DPM++ 2M Karras"},
                                                           {"dpmpp_sde_karras", "DPM++ SDE Karras"},
                                                           {"unipc", "UniPC"},
                                                           {"lcm", "LCM"}};
  const auto found = names.find(scheduler);
  return found == names.end() ? scheduler : found->second;
}

std::string as_value(const std::string& value) {
  return value.find_first_of(",:\n\"") == std::string::npos ? value : dump_line(Json(value));
}

}  // namespace

std::string parameters_text(const PictureRecipe& recipe) {
  std::string text = recipe.prompt + "\n";
  if (!recipe.negative_prompt.empty()) text += "Negative prompt: " + recipe.negative_prompt + "\n";
  text += "Steps: " + std::to_string(recipe.steps) +
          ", Sampler: " + sampler_name(recipe.scheduler) +
          ", CFG scale: " + shortest_text(recipe.guidance_scale) +
          ", Seed: " + std::to_string(recipe.seed) + ", Size: " + std::to_string(recipe.width) +
          "x" + std::to_string(recipe.height);
  if (!recipe.model.empty()) {
    text += ", Model: " + as_value(std::filesystem::path(recipe.model).filename().string());
  }
  if (recipe.strength) text += ", Denoising strength: " + shortest_text(*recipe.strength);
  if (!recipe.loras.empty()) {
    std::string loras;
    for (const LoraChoice& lora : recipe.loras) {
      loras += (loras.empty() ? "" : ", ") + std::filesystem::path(lora.file).stem().string() +
               ":" + shortest_text(lora.weight);
    }
    text += ", Lora: " + as_value(loras);
  }
  return text + ", Version: omr";
}

}  // namespace omr::session
