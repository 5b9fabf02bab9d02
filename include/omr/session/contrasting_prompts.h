// Prompts that a picture should not fit as well as its own: what R_MI compares with.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace omr::session {

inline constexpr std::size_t kMaxEarlierPrompts = 8;
inline constexpr std::size_t kMaxEditedPrompts = 8;

// The latest of the dialogue's earlier prompts and `prompt` with one phrase left out, each once and
// none equal to `prompt` (letter case ignored). All texts are plain. A prompt of one phrase has the
// empty text as its edit.
std::vector<std::string> contrasting_prompts(const std::string& prompt,
                                             const std::vector<std::string>& earlier);

}  // namespace omr::session
