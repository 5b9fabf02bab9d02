// UTF-8 as it comes from people, files and models: checked, never trusted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace omr {

// Byte offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no overlong forms,
// no surrogates, nothing above U+10FFFF), or npos.
std::size_t find_invalid_utf8(std::string_view text);

// Decodes well-formed UTF-8 into code points; ill-formed bytes become U+FFFD, one each.
std::vector<char32_t> decode_utf8(std::string_view text);

// Appends one code point.
void append_utf8(std::string& out, char32_t code_point);

// `text` fit to be sent to a terminal: control characters (C0 but newline and tab, DEL, C1) and
// ill-formed bytes become U+FFFD, so that no escape sequence from a file or a model gets through.
std::string printable(std::string_view text);

// The same in one line: a line break becomes a space, so that no text can pass for a line of omr's.
std::string printable_line(std::string_view text);

}  // namespace omr
