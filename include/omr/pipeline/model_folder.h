// A model folder ("pack"): where its parts lie and what defaults it brings (DESIGN.md §2).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "omr/io/json_file.h"
#include "omr/schedulers/scheduler_config.h"

namespace omr::pipeline {

// omr.json; what is absent keeps the program's default.
struct PackDefaults {
  std::optional<int> steps;
  std::optional<double> guidance_scale;
  std::optional<std::string> scheduler;
  std::optional<int> width, height;
  std::optional<int> candidates;
  std::optional<double> strength;
  std::vector<std::pair<std::string, double>> lora;  // paths relative to the pack, weights
  // Mean and standard deviation of each reward over a reference set, by name (pref, div, cons, mi).
  std::map<std::string, std::pair<double, double>> reward_reference;

  // Throws Error(format) for unknown keys and wrong types.
  static PackDefaults parse(const io::Config& config);
};

struct ModelFolder {
  std::filesystem::path root;
  PackDefaults defaults;

  // Throws Error(io) when it is no folder or lacks model_index.json, Error(mismatch) when the index
  // names another pipeline than StableDiffusionPipeline.
  static ModelFolder open(const std::filesystem::path& root);

  std::filesystem::path part(const std::string& name) const { return root / name; }
  bool has(const std::string& name) const;
};

// scheduler/scheduler_config.json. `class_name` receives its _class_name.
schedulers::SchedulerConfig read_scheduler_config(const io::Config& config);

}  // namespace omr::pipeline
