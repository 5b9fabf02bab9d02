// What the files of a replay may hold at the most.
#pragma once

#include <cstddef>

namespace omr::replay {

inline constexpr int kMaxRounds = 1'000'000;  // of a dialogue
inline constexpr std::size_t kMaxPictureBytes = 64u << 20;

}  // namespace omr::replay
