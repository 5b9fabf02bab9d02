// Character classes and normalisation, as the tokenizers library has them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace omr::text {

// A code point and the bytes [begin, end) of the original text that it came from.
struct Character {
  char32_t code = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};
using Characters = std::vector<Character>;

bool is_letter(char32_t code);       // \p{L}
bool is_number(char32_t code);       // \p{N}
bool is_space(char32_t code);        // \s
bool is_punctuation(char32_t code);  // \p{P}

// Well-formed UTF-8, with `offset` added to the positions.
Characters decode_characters(std::string_view text, std::size_t offset = 0);

// Canonical composition (Unicode Standard Annex 15, NFC). A composed character spans what it was
// made of.
Characters compose_nfc(const Characters& characters);

// Canonical decomposition (NFD) without the nonspacing marks (\p{Mn}): "é" becomes "e".
Characters strip_accents(const Characters& characters);

// Runs of white space become one U+0020.
Characters collapse_spaces(const Characters& characters);

// Each character on its own, so a final sigma is not special; U+0130 becomes two characters.
Characters lower_case(const Characters& characters);

}  // namespace omr::text
