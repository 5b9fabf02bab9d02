// A run as it stands after a step: one folder `step-NNNNNNNN` that appears whole or not at all.
//   state.json                 step, settings, sizes and hashes of the other files
//   parameters.safetensors     fp32, as they are trained
//   optimizer.safetensors      AdamW's moments
//   ema.safetensors            when an average is kept
//   trainee.safetensors        what the trainer carries beside its parameters, if anything
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

namespace omr::train {

struct Checkpoint {
  std::int64_t step = 0;  // updates done
  io::Json settings;      // of the run; a resumed one must have the same
  io::Json counters;      // what else the loop carries
  io::NamedTensors parameters, optimizer, ema, trainee;
};

// Writes it under `folder` and then removes all but the newest `keep`. Throws Error(io),
// Error(resource).
void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint,
                     std::size_t keep = 2);

// The newest whole checkpoint: its files are there and have their hashes. `broken` receives the
// names of newer ones that are not. nullopt when there is none. The tensors are views of the files.
std::optional<Checkpoint> load_newest_checkpoint(const std::filesystem::path& folder,
                                                 std::vector<std::string>* broken = nullptr);

}  // namespace omr::train
