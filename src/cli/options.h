// What commands have in common on the command line. Values that were not given stay empty, so that
// the pack's omr.json and then the program's own defaults can fill them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace omr::cli {

// Which models, and where they run.
struct ModelOptions {
  std::string model;       // a folder or single file; empty: the embedded pack
  std::string prediction;  // against what the model says: epsilon, v_prediction or sample
  std::string tokenizer;   // folder of CLIP's vocabulary, for single files
  std::string refiner;
  std::string reward;
  std::string reward_quant = "nf4";
  std::string reward_adapter;  // a PEFT folder, or "none"; empty: the one in the reward folder
  bool refiner_nf4 = false;
  bool offload = false;
  bool vae_tiling = false;
  std::string device = "auto";
  std::string dtype = "auto";
  int threads = 0;  // 0: libtorch's choice
};

// What is asked of pictures.
struct PictureOptions {
  std::optional<std::uint64_t> seed;
  std::optional<int> steps;
  std::optional<double> guidance_scale;
  std::optional<std::string> scheduler;
  std::string negative_prompt;
  std::string size;
  std::string init_image;
  std::string mask;
  std::optional<double> strength;
  std::optional<int> candidates;
  std::vector<std::string> loras;  // FILE[:WEIGHT]
};

// How results and messages look.
struct OutputOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

void add_execution_options(CLI::App& app, ModelOptions& options);
// For commands that draw: what is done when memory is short.
void add_memory_options(CLI::App& app, ModelOptions& options);
void add_model_option(CLI::App& app, ModelOptions& options);
void add_refiner_options(CLI::App& app, ModelOptions& options);
void add_reward_options(CLI::App& app, ModelOptions& options);
void add_picture_options(CLI::App& app, PictureOptions& options);
void add_output_options(CLI::App& app, OutputOptions& options);

// "64x48" -> {64, 48}; empty -> {0, 0}. Throws Error(usage).
std::pair<int, int> parse_size(const std::string& text);

// Fresh randomness where the user gave no seed: 32 bits, so that any other tool can take it too.
std::uint64_t random_seed();

// Throws Error(usage) unless the text is UTF-8 and not blank. `what` names it.
void check_text(const std::string& text, const std::string& what);

}  // namespace omr::cli
