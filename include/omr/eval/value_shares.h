// How often each value that scenes ask for is right: an owner sees what a model draws least well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "omr/scenes/comparison.h"
#include "omr/scenes/scene.h"

namespace omr::eval {

struct Share {
  std::int64_t right = 0;
  std::int64_t of = 0;
  double value() const {
    return of == 0 ? 0 : static_cast<double>(right) / static_cast<double>(of);
  }
};

using ValueShares = std::map<std::string, Share>;  // "colour red", "place top left"

// Adds what `comparison` says of each attribute of `target`.
void count_values(ValueShares& shares, const scenes::Scene& target,
                  const scenes::Comparison& comparison);

// All values of one kind together: "shape", "colour", "size", "place", "background".
ValueShares by_kind(const ValueShares& shares);

// "background 100.0 %, colour 97.6 %, …"
std::string in_words(const ValueShares& shares);

// Those right least often, worst first.
std::vector<std::pair<std::string, Share>> weakest_values(const ValueShares& shares,
                                                          std::size_t count);

// "place bottom right 81.2 %, colour pink 83.0 %, …" of the six weakest.
std::string weakest_in_words(const ValueShares& shares);

}  // namespace omr::eval
