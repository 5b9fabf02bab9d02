// numpy's SeedSequence (numpy/random/bit_generator.pyx; after M. O'Neill's seed_seq,
// pcg-random.org, 2015): words of even quality out of any entropy, for trees of random generators.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace omr::schedulers {

// The first `count` words that SeedSequence(entropy, spawn_key=…, pool_size=…) generates.
std::vector<std::uint32_t> seed_sequence(std::uint64_t entropy,
                                         const std::vector<std::uint32_t>& spawn_key,
                                         std::size_t pool_size, std::size_t count);

}  // namespace omr::schedulers
