// What people may type: checked once, at the edge.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace omr::session {

inline constexpr std::size_t kMaxTextBytes = 4096;

// `text` as one clean line: surrounding white space removed, tabs and line breaks made spaces.
// `what` names it in errors ("the feedback"). Throws Error(usage) when it is longer than
// kMaxTextBytes, not well-formed UTF-8 (with the byte), or holds another control character.
std::string clean_text(std::string_view text, const std::string& what);

}  // namespace omr::session
