// Tokens that are found in a text as a whole, before and beside BPE (AddedVocabulary in the
// tokenizers library).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/unicode.h"

namespace omr::text {

struct AddedToken {
  std::string content;
  std::int64_t id = 0;
  bool normalized = false;  // looked for in the normalised text, itself normalised
  bool lstrip = false;      // takes the white space before it along
  bool rstrip = false;      // takes the white space after it along
};

// A stretch of text between two added tokens, or one of them (id ≥ 0).
struct Stretch {
  std::int64_t id = -1;
  Characters characters;
};

class AddedTokenMatcher {
 public:
  // Contents as code points, with their ids; the flags as in AddedToken.
  struct Pattern {
    std::u32string content;
    std::int64_t id = 0;
    bool lstrip = false;
    bool rstrip = false;
  };

  explicit AddedTokenMatcher(std::vector<Pattern> patterns);

  // Cuts the text at every pattern: leftmost first, of those the longest.
  std::vector<Stretch> split(const Characters& text) const;

 private:
  const Pattern* match_at(const Characters& text, std::size_t at) const;

  std::vector<Pattern> patterns_;  // longest first
};

}  // namespace omr::text
