// What a user calls an object that is there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "omr/scenes/edits.h"

namespace omr::scenes {

// The names that tell the edit's object from all others of `before`, and from all of `later` (what
// earlier words of the same sentence made of it) but the one at `later_index`. Plain ones stand
// more than once, to be drawn more often. Empty when there is none.
std::vector<std::string> names_of(const Description& before, const Edit& edit,
                                  const Description& later, std::size_t later_index);

}  // namespace omr::scenes
