// CLIP's split of normalised text into words.
#pragma once

#include <span>
#include <vector>

#include "text/unicode.h"

namespace omr::text {

// The matches, in order, of
//   <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
// What lies between (white space) is dropped. The two marks, where they are not special tokens, are
// split once more at their letters, as GPT-2's pattern does to every match in transformers.
std::vector<std::span<const Character>> split_clip_words(std::span<const Character> text);

}  // namespace omr::text
