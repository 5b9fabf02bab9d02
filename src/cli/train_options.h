// What the sub-verbs of `omr train` have in common on the command line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "omr/train/image_text_source.h"
#include "omr/train/process_group.h"
#include "omr/train/training_loop.h"

#include "cli/commands.h"
#include "cli/options.h"

namespace omr::cli {

struct TrainOptions {
  train::LoopSettings loop;
  std::string lr_schedule = "constant";
  std::string init;    // start from this folder's weights
  std::string config;  // start from nothing, with this folder's config.json
  std::string device = "auto";
  int threads = 0;
  std::string out_dtype = "fp16";
  OutputOptions output;

  // Where pictures come from.
  std::string data;
  std::string validation;
  bool scenes = false;
  std::uint64_t pictures = 0;
  std::optional<double> unsaid;  // share of what the scenes' captions leave out
  std::string size;
};

// Steps, batch, learning rate, precision, checkpoints, output. Defaults stand in `options` already.
void add_train_options(CLI::App& app, TrainOptions& options);
// --data, --validation, --scenes, --pictures, --unsaid, --size.
void add_picture_source_options(CLI::App& app, TrainOptions& options);

// The folder of --init or --config, and whether training begins from nothing. Throws Error(usage)
// unless exactly one is given.
std::pair<std::filesystem::path, bool> start_of(const TrainOptions& options);

// Sets device, threads, learning rate and determinism; joins the other processes.
train::ProcessGroup prepare(TrainOptions& options);

// Pixels of --size: "128" or "128x96". Throws Error(usage).
std::pair<int, int> training_size(const TrainOptions& options);

// The seed of scenes that training never draws.
std::uint64_t held_out_seed(const TrainOptions& options);

struct PictureSources {
  std::shared_ptr<const train::ImageTextSource> training, held_out;
};
enum class SceneStyle {
  plain,       // captions leave words out by lot, as people do
  told_whole,  // captions say all that is in the picture
  dense        // crowded, for autoencoders
};
// Throws Error(usage) unless one of --data and --scenes is given.
PictureSources open_picture_sources(const TrainOptions& options,
                                    SceneStyle style = SceneStyle::plain);

at::ScalarType output_dtype(const TrainOptions& options);

// Shows the run on stderr: a bar on a terminal, a line now and then elsewhere; with --json the
// steps on stdout.
train::LoopObserver make_observer(const TrainOptions& options,
                                  const train::ProcessGroup& processes);

// The sub-verbs, one file each.
void setup_train_vae(CLI::App& train, Command& selected);
void setup_train_text_encoder(CLI::App& train, Command& selected);
void setup_train_unet(CLI::App& train, Command& selected);
void setup_train_clip(CLI::App& train, Command& selected);
void setup_train_reward(CLI::App& train, Command& selected);
void setup_train_refiner(CLI::App& train, Command& selected);
void setup_train_lora(CLI::App& train, Command& selected);

}  // namespace omr::cli
