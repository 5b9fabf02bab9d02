// Seeded random numbers that are the same on every platform.
//
// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
// figure 16; constants of its mix64variant13). The standard library's distributions are not used:
// their results differ between libraries.
#pragma once

#include <cstddef>
#include <cstdint>

namespace omr::scenes {

class Random {
 public:
  explicit Random(std::uint64_t seed) : Random(seed, 0) {}
  // Item `index` of the endless source `seed`: far from those of other items and other seeds.
  Random(std::uint64_t seed, std::uint64_t index);

  std::uint64_t next();
  double uniform();                      // [0, 1), 53 bits
  double uniform(double lo, double hi);  // [lo, hi)
  std::size_t below(std::size_t n);      // 0 … n-1; n from 1 to 2^32
  bool chance(double probability);

  // An element of a container with size() and operator[], not empty.
  template <class Container>
  const auto& pick(const Container& items) {
    return items[below(items.size())];
  }

  template <class Container>
  void shuffle(Container& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      const std::size_t j = below(i);
      auto kept = items[i - 1];
      items[i - 1] = items[j];
      items[j] = kept;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace omr::scenes
