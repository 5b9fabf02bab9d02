// Values put back into the parameters that they were copied from.
#pragma once

#include "omr/train/parameters.h"

namespace omr::train {

// Each parameter takes the value of its name, in whatever order the values come: a checkpoint lists
// them by name. Throws Error(mismatch) for a name without a value, or a value of another shape.
void copy_by_name(const NamedParameters& values, const NamedParameters& parameters);

}  // namespace omr::train
