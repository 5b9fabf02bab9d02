// A model folder ("pack") or single file: where its parts lie and what defaults it brings.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "omr/io/json_file.h"
#include "omr/schedulers/scheduler.h"

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
  std::filesystem::path root;  // the folder, or the single file
  PackDefaults defaults;
  bool single_file = false;
  // What the user says against the model's own files; empty: nothing. Read when the parts are
  // opened.
  std::string prediction_type;      // "epsilon", "v_prediction" or "sample"
  std::filesystem::path tokenizer;  // the folder of CLIP's vocabulary

  // Throws Error(io) when nothing is there or a folder lacks model_index.json, Error(mismatch) when
  // the index names another pipeline than Stable Diffusion 1.x and 2.x's.
  static ModelFolder open(const std::filesystem::path& root);

  std::filesystem::path part(const std::string& name) const { return root / name; }
  bool has(const std::string& name) const;
};

// scheduler/scheduler_config.json as the scheduler `name` reads it: what the file leaves out is as
// in diffusers' class of that name, whichever class wrote the file (from_config). Throws
// Error(format| mismatch) naming the key.
schedulers::SchedulerConfig read_scheduler_config(const io::Config& config,
                                                  schedulers::SchedulerName name);
// As its own class reads it.
schedulers::SchedulerConfig read_scheduler_config(const io::Config& config);
// The scheduler that the file's _class_name asks for; nullopt for a class that omr lacks.
std::optional<schedulers::SchedulerName> scheduler_of_config(const io::Config& config);

}  // namespace omr::pipeline
