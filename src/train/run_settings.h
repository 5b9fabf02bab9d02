// What a run is, as its checkpoints record it.
#pragma once

#include <cstdint>
#include <filesystem>

#include <c10/core/ScalarType.h>

#include "omr/io/json_file.h"
#include "omr/train/training_loop.h"

namespace omr::train {

// With the folders above it. Throws Error(io).
void create_run_folder(const std::filesystem::path& folder);

// Everything that decides the numbers of a resumed run. How many steps there are may change.
io::Json describe_run(const LoopSettings& settings, const Trainee& trainee, std::int64_t processes,
                      c10::ScalarType dtype);

// Throws Error(usage) that names what differs.
void require_same_settings(const io::Json& before, const io::Json& now,
                           const std::filesystem::path& out);

}  // namespace omr::train
