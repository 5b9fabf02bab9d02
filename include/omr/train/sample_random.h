// Randomness of training as a pure function of (seed, purpose, index): nothing is carried from step
// to step, so that a run continued from any checkpoint draws what the run never interrupted draws,
// and N processes draw what one process with N times the batch does.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Generator.h>

namespace omr::train {

// Keeps the streams of one seed apart. The numbers are part of what a seed means.
enum class Purpose : std::uint64_t {
  weights = 1,
  order = 2,
  sample = 3,
  evaluation = 4,
  roll_out = 5
};

// A 64-bit hash of the three, by SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mixed_seed(std::uint64_t seed, Purpose purpose, std::uint64_t index);

// A CPU generator of its own for one index, for example one sample's position in the run.
at::Generator generator_for(std::uint64_t seed, Purpose purpose, std::uint64_t index);

// Which sample of a data set of `size` comes at a position of the run: every epoch visits each
// once, in an order of its own. Without a size (an endless source) the position itself.
class DataOrder {
 public:
  DataOrder(std::uint64_t seed, std::uint64_t size) : seed_(seed), size_(size) {}
  std::uint64_t index(std::uint64_t position);
  std::uint64_t epoch(std::uint64_t position) const { return size_ == 0 ? 0 : position / size_; }

 private:
  std::uint64_t seed_;
  std::uint64_t size_;  // 0: endless
  std::uint64_t shuffled_epoch_ = ~std::uint64_t{0};
  std::vector<std::uint64_t> order_;
};

}  // namespace omr::train
