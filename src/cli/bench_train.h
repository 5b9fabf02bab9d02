// omr bench --train: seconds of one training step of each trainer.
#pragma once

#include <functional>
#include <string>

#include "cli/options.h"

namespace omr::cli {

struct TrainBenchOptions {
  ModelOptions model;
  std::string prompt;
  std::string feedback;
  int repeats = 5;
  int batch = 8;  // samples a step; pairs for the reward model
};

// Every step sees the same samples: the prompt as every caption and its own hard negative, plain
// pictures, one record (scripts/bench_peers.py takes the same). `report` gets part and seconds, the
// median over the repeats after one step that warms up. Nothing is left on the disk.
void bench_training(const TrainBenchOptions& options,
                    const std::function<void(const std::string& part, double seconds)>& report);

}  // namespace omr::cli
