// Cuts a prompt into phrases: noun phrases with their attributes, each judged and weighted on its
// own.
//
// By general English word order, with closed-class words only (articles, prepositions,
// conjunctions):
// - commas, semicolons, full stops, colons, bars and line breaks end a phrase;
// - "and", "or", "but", "plus" end one, unless they join attributes ("a black and white cat");
// - "with", "next to", "in front of", "wearing" … begin one;
// - another preposition begins one before an indefinite article or a number ("on a navy rug");
// - before anything else it stays with its noun ("at the top left", "on fire").
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

// Bytes [begin, end) of the text that was cut.
struct Phrase {
  std::string text;
  std::size_t begin = 0;
  std::size_t end = 0;

  bool operator==(const Phrase&) const = default;
};

inline constexpr std::size_t kMaxPhrases = 64;  // the last one takes the rest

// `text` is plain, without weight syntax (prompt_syntax.h).
std::vector<Phrase> cut_phrases(std::string_view text);

// The noun that a phrase is about, folded: the last word before its first preposition; "star" of "a
// red star at the top left", "background" of "on a navy background".
std::string head_word(const std::string& phrase);

// Whether each phrase of `prompt` is new or altered with respect to `before`. Order, letter case
// and what joins the phrases do not count.
std::vector<bool> changed_phrases(const std::vector<Phrase>& before,
                                  const std::vector<Phrase>& phrases);

// The text without phrase `index` and without what joined it to its neighbours. May be empty.
std::string without_phrase(std::string_view text, const std::vector<Phrase>& phrases,
                           std::size_t index);

}  // namespace omr::session
