// Words of a text with their places: what phrases, differences and negations are found by.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

// A run of letters, digits, apostrophes, inner hyphens and all non-ASCII characters; or one mark of
// punctuation (`mark`). [begin, end) are bytes of the text.
struct Word {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string folded;  // ASCII lower case, curly apostrophes straight
  bool mark = false;
};

std::vector<Word> split_words(std::string_view text);
// Its words alone, folded, without marks.
std::vector<std::string> folded_words(std::string_view text);

// Whether any of the folded words is one of the wanted.
bool holds_any(const std::vector<std::string>& words, const std::set<std::string>& wanted);

// Equal up to letter case and a plural s: "Stars" and "star".
bool same_word(const std::string& folded_a, const std::string& folded_b);
// Whether one of the folded words is the same_word().
bool holds(const std::vector<std::string>& words, const std::string& word);

// White space collapsed, no space before , ; . and none of these doubled, left over or dangling:
// text from which pieces were cut reads on.
std::string tidy(std::string_view text);

// The text without its bytes [begin, end) and without the comma, "and", "or", "but" or "plus" that
// joined them to the rest; tidied.
std::string cut_out(std::string_view text, std::size_t begin, std::size_t end);

// Closed classes of English words, folded.
bool is_conjunction(const std::string& word);    // and, or, but, plus, …
bool is_indefinite(const std::string& word);     // a, an, some, many and number words
bool is_preposition(const std::string& word);    // in, on, under, … but not of, to
bool is_function_word(const std::string& word);  // these, and the, of, to, with, is, be

}  // namespace omr::session
