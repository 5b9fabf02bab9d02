// What changed from one prompt to the next, word by word, for people to see.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

enum class DiffKind { kept, inserted, deleted };

struct DiffSpan {
  DiffKind kind = DiffKind::kept;
  std::string text;  // words joined as in their prompt

  bool operator==(const DiffSpan&) const = default;
};

// A longest common subsequence of words, letter case ignored. The kept and inserted spans in order,
// joined by spaces where punctuation does not follow, read as `after`.
std::vector<DiffSpan> diff_prompts(std::string_view before, std::string_view after);

}  // namespace omr::session
