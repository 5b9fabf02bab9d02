// Which weights are trained: what `omr train reward` and `omr train refiner` have in common.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "omr/train/lora_parameters.h"

namespace omr::cli {

enum class Tune {
  full,   // every weight
  lora,   // an adapter over dense weights
  qlora,  // an adapter over NF4 weights
};

// --tune, --rank, --alpha, --target-modules. Defaults stand in the arguments already.
void add_adapter_options(CLI::App& app, Tune& tune, train::LoraSettings& lora);

}  // namespace omr::cli
