// Numbers as a person would type them.
#pragma once

#include <charconv>
#include <string>

namespace omr::session {

// The shortest decimal text that reads back as `value`.
inline std::string shortest_text(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace omr::session
