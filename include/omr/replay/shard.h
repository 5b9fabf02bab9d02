// Which part of a batch a process works on.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace omr::replay {

// Every count-th dialogue from the index-th on, counted from 0: neighbours, which are often alike
// in length, are spread.
struct Shard {
  int index = 0;
  int count = 1;

  bool holds(std::size_t position) const {
    return position % static_cast<std::size_t>(count) == static_cast<std::size_t>(index);
  }
  // As people write it: "2/8", from 1.
  std::string text() const;

  bool operator==(const Shard&) const = default;
};

// "i/n" with i from 1 to n, as `split -n` counts. Throws Error(usage).
Shard parse_shard(const std::string& text);

// What launchers tell their processes: torchrun's RANK and WORLD_SIZE, or else srun's SLURM_PROCID
// and SLURM_NTASKS (both from 0). The whole batch where neither is set. `variable` reads an
// environment variable. Throws Error(usage) when what is set makes no shard.
struct LaunchedShard {
  Shard shard;
  std::string variables;  // that said so, for people; empty: none
};
using Variable = std::function<std::optional<std::string>(const std::string& name)>;
LaunchedShard shard_of_environment(const Variable& variable);

}  // namespace omr::replay
