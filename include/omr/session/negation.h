// "no X" and "without X" belong in the negative prompt: an image model does not understand negation
// and draws what it reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

struct Negation {
  std::string text;                   // without the negated parts
  std::vector<std::string> unwanted;  // "red circle", without articles
};

// Finds "no X", "without X", "don't want X" and lists of them joined by "or" or "nor". Not taken
// for negations: "no" alone or before a comma ("no, bigger"), comparisons ("no more than three",
// "no larger than"), fixed phrases ("no problem"), verbs ("without changing the background") and
// what nouns cannot follow.
Negation extract_negations(std::string_view text);

// A negative prompt is a list of terms divided by commas.
std::vector<std::string> split_terms(std::string_view negative_prompt);
std::string join_terms(const std::vector<std::string>& terms);

// The terms with `more` added, each once (letter case and articles ignored).
std::vector<std::string> merge_terms(std::vector<std::string> terms,
                                     const std::vector<std::string>& more);

// Whether `phrase` is about `term`: all words of the term are in it, the last being its head.
bool is_about(const std::string& phrase, const std::string& term);

}  // namespace omr::session
