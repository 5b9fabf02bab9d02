#include "omr/session/words.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace omr::session {
namespace {

bool is_alnum(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0;
}
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Length of the UTF-8 sequence that `lead` begins.
std::size_t sequence_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
}

bool is_apostrophe(std::string_view sequence) {
  return sequence == "'" || sequence == "\u2019" || sequence == "\u2018";
}

// Non-ASCII punctuation: dashes, quotes, the ellipsis, CJK and full-width marks.
bool is_wide_mark(std::string_view sequence) {
  static const std::set<std::string_view> marks = {
      "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u201C", "\u201D",
      "\u201E", "\u2022", "\u2026", "\u00AB", "\u00BB", "\u3001", "\u3002", "\uFF0C",
      "\uFF1A", "\uFF1B", "\uFF01", "\uFF1F", "\uFF08", "\uFF09"};
  return marks.count(sequence) != 0;
}

// Length of what continues a word at `at`, or 0.
std::size_t word_piece(std::string_view text, std::size_t at, bool inside) {
  const char c = text[at];
  const std::size_t length = std::min(sequence_length(c), text.size() - at);
  const std::string_view sequence = text.substr(at, length);
  if (is_alnum(c) || c == '_') return 1;
  const bool more = at + length < text.size();
  const bool joins =
      inside && more && (is_alnum(text[at + length]) || (text[at + length] & 0x80) != 0);
  if (is_apostrophe(sequence)) return joins ? length : 0;
  if ((c & 0x80) != 0) return is_wide_mark(sequence) ? 0 : length;
  if (c == '-') return joins ? 1 : 0;
  if (c == '.') {  // 1.5
    const bool digits = inside && more &&
                        std::isdigit(static_cast<unsigned char>(text[at - 1])) != 0 &&
                        std::isdigit(static_cast<unsigned char>(text[at + 1])) != 0;
    return digits ? 1 : 0;
  }
  return 0;
}

std::string fold(std::string_view word) {
  std::string folded;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = std::min(sequence_length(word[at]), word.size() - at);
    const std::string_view sequence = word.substr(at, length);
    if (length == 1) {
      folded += static_cast<char>(std::tolower(static_cast<unsigned char>(word[at])));
    } else {
      folded += is_apostrophe(sequence) ? std::string_view("'") : sequence;
    }
    at += length;
  }
  return folded;
}

std::string singular(const std::string& word) {
  const auto ends = [&](std::string_view tail) {
    return word.size() > tail.size() + 1 &&
           word.compare(word.size() - tail.size(), tail.size(), tail) == 0;
  };
  if (ends("ies")) return word.substr(0, word.size() - 3) + "y";
  for (const char* tail : {"ches", "shes", "sses", "xes", "zes"}) {
    if (ends(tail)) return word.substr(0, word.size() - 2);
  }
  if (ends("s") && !ends("ss") && !ends("us") && !ends("is"))
    return word.substr(0, word.size() - 1);
  return word;
}

bool is_separator(char c) { return c == ',' || c == ';'; }

}  // namespace

std::vector<Word> split_words(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
      ++at;
      continue;
    }
    Word word;
    word.begin = at;
    while (at < text.size()) {
      const std::size_t piece = word_piece(text, at, at > word.begin);
      if (piece == 0) break;
      at += piece;
    }
    if (at == word.begin) {
      word.mark = true;
      at += std::min(sequence_length(text[at]), text.size() - at);
    }
    word.end = at;
    word.folded = fold(text.substr(word.begin, word.end - word.begin));
    words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> folded_words(std::string_view text) {
  std::vector<std::string> out;
  for (Word& word : split_words(text)) {
    if (!word.mark) out.push_back(std::move(word.folded));
  }
  return out;
}

bool holds_any(const std::vector<std::string>& words, const std::set<std::string>& wanted) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return wanted.count(word) != 0; });
}

bool same_word(const std::string& folded_a, const std::string& folded_b) {
  return folded_a == folded_b || singular(folded_a) == singular(folded_b);
}

bool holds(const std::vector<std::string>& words, const std::string& word) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& other) { return same_word(other, word); });
}

std::string tidy(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_space(c)) {
      if (!out.empty() && out.back() != ' ') out += ' ';
      continue;
    }
    if (is_separator(c) || c == '.') {
      const bool spaced = !out.empty() && out.back() == ' ';
      if (spaced) out.pop_back();
      const bool doubled = out.empty() || is_separator(out.back()) || (spaced && out.back() == '.');
      if (doubled && (is_separator(c) || spaced)) continue;
    }
    out += c;
  }
  while (!out.empty() && (out.back() == ' ' || is_separator(out.back()))) out.pop_back();
  const std::size_t first =
      std::find_if(out.begin(), out.end(), [](char c) { return c != ' ' && !is_separator(c); }) -
      out.begin();
  return out.substr(first);
}

std::string cut_out(std::string_view text, std::size_t begin, std::size_t end) {
  const std::vector<Word> words = split_words(text);
  const Word* before = nullptr;
  const Word* after = nullptr;
  for (const Word& word : words) {
    if (word.end <= begin) before = &word;
    if (word.begin >= end && after == nullptr) after = &word;
  }
  const auto joins = [](const Word* word) {
    return word != nullptr &&
           (is_conjunction(word->folded) || word->folded == "," || word->folded == ";");
  };
  if (joins(before)) {
    begin = before->begin;
    // ", and X"
    const auto earlier = std::find_if(words.begin(), words.end(),
                                      [&](const Word& word) { return &word + 1 == before; });
    if (is_conjunction(before->folded) && earlier != words.end() && earlier->folded == ",") {
      begin = earlier->begin;
    }
  } else if (joins(after) && (before == nullptr || before->mark)) {
    end = after->end;
  }
  return tidy(std::string(text.substr(0, begin)) + " " + std::string(text.substr(end)));
}

bool is_conjunction(const std::string& word) {
  static const std::set<std::string> words = {"and", "or", "but", "plus", "nor", "then", "&", "+"};
  return words.count(word) != 0;
}

bool is_indefinite(const std::string& word) {
  static const std::set<std::string> words = {
      "a",    "an",  "one",  "two",  "three",   "four",    "five",    "six", "seven",  "eight",
      "nine", "ten", "some", "many", "several", "another", "various", "few", "dozens", "both"};
  return words.count(word) != 0 ||
         (!word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) != 0);
}

bool is_preposition(const std::string& word) {
  static const std::set<std::string> words = {
      "in",     "on",      "at",     "under",   "over",    "above",   "below",      "behind",
      "beside", "besides", "near",   "by",      "against", "between", "inside",     "outside",
      "around", "through", "across", "along",   "onto",    "into",    "from",       "beneath",
      "among",  "within",  "upon",   "towards", "toward",  "before",  "underneath", "amid"};
  return words.count(word) != 0;
}

bool is_function_word(const std::string& word) {
  static const std::set<std::string> words = {"the", "of", "to", "with", "is", "be"};
  return words.count(word) != 0 || is_indefinite(word) || is_preposition(word) ||
         is_conjunction(word);
}

}  // namespace omr::session
