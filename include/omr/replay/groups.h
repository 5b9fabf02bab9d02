// Which dialogues of a batch advance together.
#pragma once

#include <cstddef>
#include <vector>

#include "omr/session/dialogue.h"

namespace omr::replay {

// Positions in `dialogues`, in groups of at most `size`. With 1 each stands alone, in order. With
// more, dialogues with equal settings and like numbers of turns share a group, since only those
// that draw at the same time can be drawn in one batch. The whole batch alone decides, so that
// pictures, which depend in their last bits on what they were drawn with, are the same in every
// shard and after every --resume.
std::vector<std::vector<std::size_t>> groups_of(const std::vector<session::Dialogue>& dialogues,
                                                std::size_t size);

}  // namespace omr::replay
