#include "omr/session/user_text.h"

#include "omr/core/error.h"
#include "omr/core/utf8.h"

namespace omr::session {

std::string clean_text(std::string_view text, const std::string& what) {
  if (text.size() > kMaxTextBytes) {
    throw Error(ErrorKind::usage, what + " is " + std::to_string(text.size()) +
                                      " bytes long; at most " + std::to_string(kMaxTextBytes) +
                                      " are taken");
  }
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string_view::npos) {
    throw Error(ErrorKind::usage,
                what + " is not valid UTF-8 at byte " + std::to_string(invalid + 1));
  }
  std::string line;
  line.reserve(text.size());
  for (const char32_t code : decode_utf8(text)) {
    if (code == '\t' || code == '\n' || code == '\r') {
      line += ' ';
    } else if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {
      throw Error(ErrorKind::usage, what + " holds the control character " +
                                        std::to_string(static_cast<unsigned>(code)) +
                                        "; plain text is expected");
    } else {
      append_utf8(line, code);
    }
  }
  const std::size_t first = line.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return line.substr(first, line.find_last_not_of(' ') - first + 1);
}

}  // namespace omr::session
