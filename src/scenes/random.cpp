#include "omr/scenes/random.h"

namespace omr::scenes {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9E3779B97F4A7C15;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

// Mixed twice: with plain sums, item i+1 would be item i with its first number left out.
Random::Random(std::uint64_t seed, std::uint64_t index)
    : state_(mix(mix(seed + kGoldenGamma) + (index + 1) * kGoldenGamma)) {}

std::uint64_t Random::next() { return mix(state_ += kGoldenGamma); }

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

double Random::uniform(double lo, double hi) { return lo + (hi - lo) * uniform(); }

std::size_t Random::below(std::size_t n) { return ((next() >> 32) * n) >> 32; }

bool Random::chance(double probability) { return uniform() < probability; }

}  // namespace omr::scenes
