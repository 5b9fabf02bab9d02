// Which of a run's networks draws its first weights: keeps their streams of one seed apart.
#pragma once

#include <cstdint>

namespace omr::train {

// The numbers are part of what a seed means.
enum Network : std::uint64_t { kUNet = 1, kTextEncoder = 2, kLayoutDecoder = 3 };

}  // namespace omr::train
