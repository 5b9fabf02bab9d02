#include "omr/pipeline/model_folder.h"

#include "omr/core/error.h"
#include "omr/io/single_file.h"

namespace omr::pipeline {
namespace {

namespace fs = std::filesystem;

}  // namespace

PackDefaults PackDefaults::parse(const io::Config& config) {
  config.allow_only({"steps", "guidance_scale", "scheduler", "width", "height", "candidates",
                     "strength", "lora", "reward_reference"});
  PackDefaults out;
  const auto integer = [&](const std::string& key, std::int64_t high) -> std::optional<int> {
    if (!config.has(key)) return std::nullopt;
    return static_cast<int>(config.integer_within(key, 1, high));
  };
  out.steps = integer("steps", 1000);
  out.width = integer("width", 16384);
  out.height = integer("height", 16384);
  out.candidates = integer("candidates", 64);
  if (config.has("guidance_scale")) out.guidance_scale = config.number("guidance_scale", 0);
  if (config.has("strength")) out.strength = config.number("strength", 0);
  if (config.has("scheduler")) out.scheduler = config.text("scheduler");
  if (config.has("lora")) {
    for (const io::Json& entry : config.json().at("lora")) {
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
          !entry[1].is_number()) {
        throw Error(ErrorKind::format,
                    config.where() + ": \"lora\": expected [[\"file\", weight], …]");
      }
      out.lora.emplace_back(entry[0].get<std::string>(), entry[1].get<double>());
    }
  }
  if (config.has("reward_reference")) {
    const io::Config reference = config.child("reward_reference");
    reference.allow_only({"pref", "div", "cons", "mi"});
    for (const auto& [name, value] : reference.json().items()) {
      const std::vector<double> pair = reference.numbers(name);
      if (pair.size() != 2 || !(pair[1] > 0)) {
        throw Error(ErrorKind::format,
                    reference.where() + ": \"" + name + "\": expected [mean, standard deviation]");
      }
      out.reward_reference[name] = {pair[0], pair[1]};
    }
  }
  return out;
}

ModelFolder ModelFolder::open(const fs::path& root) {
  std::error_code code;
  if (!fs::exists(root, code)) throw Error(ErrorKind::io, "no model at " + root.string());
  if (!fs::is_directory(root, code)) {
    ModelFolder file;
    file.root = root;
    file.single_file = true;
    try {
      if (!io::read_single_file(root).turbo.empty()) {
        // As its authors use it: a handful of steps, no guidance.
        file.defaults.steps = 4;
        file.defaults.guidance_scale = 1.0;
      }
    } catch (const Error&) {
      // Why it cannot be opened is told when its parts are.
    }
    return file;
  }
  if (!fs::exists(root / "model_index.json", code)) {
    throw Error(
        ErrorKind::io,
        root.string() + " has no model_index.json: expected a folder as diffusers saves it");
  }
  const io::Config index(root / "model_index.json");
  const std::string pipeline = index.text("_class_name");
  if (!pipeline.starts_with("StableDiffusion") || pipeline.find("XL") != std::string::npos ||
      pipeline.find('3') != std::string::npos) {
    throw Error(ErrorKind::mismatch,
                index.where() + ": a " + pipeline +
                    "; omr runs Stable Diffusion 1.x and 2.x (StableDiffusionPipeline)");
  }
  ModelFolder out;
  out.root = root;
  if (fs::exists(root / "omr.json", code))
    out.defaults = PackDefaults::parse(io::Config(root / "omr.json"));
  return out;
}

bool ModelFolder::has(const std::string& name) const {
  std::error_code code;
  return fs::exists(root / name, code);
}

}  // namespace omr::pipeline
