// The machine that a run's numbers come from.
#pragma once

#include "omr/replay/environment.h"

#include "cli/options.h"

namespace omr::cli {

// Call when the models are open: the number of threads is then settled.
replay::Environment environment_of(const ModelOptions& options);

}  // namespace omr::cli
