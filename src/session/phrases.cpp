#include "omr/session/phrases.h"

#include <algorithm>
#include <array>
#include <set>

#include "omr/session/words.h"

namespace omr::session {
namespace {

using WordSpan = std::pair<std::size_t, std::size_t>;  // words [first, second)

bool ends_phrase(const Word& word) {
  static const std::set<std::string> inner = {"\"", "\u201C", "\u201D", "%", "$", "#",
                                              "'",  "\u2019", "*",      "&", "+", "_",
                                              "~",  "=",      "@",      "^"};
  return word.mark && inner.count(word.folded) == 0;
}

// Number of words at `at` that together begin a phrase of their own, or 0.
std::size_t opener_at(const std::vector<Word>& words, std::size_t at) {
  static const std::vector<std::vector<std::string>> openers = {{"to", "the", "left", "of"},
                                                                {"to", "the", "right", "of"},
                                                                {"on", "the", "left", "of"},
                                                                {"on", "the", "right", "of"},
                                                                {"on", "the", "side", "of"},
                                                                {"in", "front", "of"},
                                                                {"on", "top", "of"},
                                                                {"next", "to"},
                                                                {"close", "to"},
                                                                {"left", "of"},
                                                                {"right", "of"},
                                                                {"surrounded", "by"},
                                                                {"covered", "in"},
                                                                {"with"},
                                                                {"without"},
                                                                {"wearing"},
                                                                {"holding"},
                                                                {"featuring"},
                                                                {"carrying"},
                                                                {"beside"}};
  for (const auto& opener : openers) {
    if (at + opener.size() > words.size()) continue;
    bool equal = true;
    for (std::size_t i = 0; i < opener.size(); ++i) equal &= words[at + i].folded == opener[i];
    if (equal) return opener.size();
  }
  return 0;
}

// Words from `at` to the next place where a phrase may end.
std::size_t run_length(const std::vector<Word>& words, std::size_t at) {
  std::size_t length = 0;
  while (at + length < words.size()) {
    const Word& word = words[at + length];
    if (ends_phrase(word) || is_conjunction(word.folded) || is_preposition(word.folded) ||
        opener_at(words, at + length) != 0) {
      break;
    }
    ++length;
  }
  return length;
}

// "a black and white cat": the conjunction at `at` joins two attributes of one noun when one word
// stands before it (after the article) and a noun follows the attribute after it.
bool joins_attributes(const std::vector<Word>& words, std::size_t start, std::size_t at) {
  if (words[at].folded != "and" && words[at].folded != "or" && words[at].folded != "&")
    return false;
  std::size_t left = at - start;
  if (left > 0 && (is_indefinite(words[start].folded) || words[start].folded == "the")) --left;
  if (left != 1 || at + 1 >= words.size()) return false;
  const std::string& next = words[at + 1].folded;
  if (is_indefinite(next) || next == "the") return false;
  return run_length(words, at + 1) >= 2;
}

std::vector<WordSpan> cut(const std::vector<Word>& words) {
  std::vector<WordSpan> spans;
  std::size_t start = 0;
  const auto close = [&](std::size_t end, std::size_t next) {
    if (end > start) spans.emplace_back(start, end);
    start = next;
  };
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (spans.size() + 1 == kMaxPhrases && start < at) break;
    const Word& word = words[at];
    if (is_conjunction(word.folded)) {
      if (!joins_attributes(words, start, at)) close(at, at + 1);
    } else if (ends_phrase(word)) {
      close(at, at + 1);
    } else if (const std::size_t opener = opener_at(words, at)) {
      close(at, at);
      at += opener - 1;
    } else if (is_preposition(word.folded) && at + 1 < words.size() &&
               is_indefinite(words[at + 1].folded)) {
      close(at, at);
    }
  }
  close(words.size(), words.size());
  return spans;
}

}  // namespace

std::vector<Phrase> cut_phrases(std::string_view text) {
  const std::vector<Word> words = split_words(text);
  std::vector<Phrase> phrases;
  for (const auto& [first, last] : cut(words)) {
    const std::size_t begin = words[first].begin;
    const std::size_t end = words[last - 1].end;
    phrases.push_back({std::string(text.substr(begin, end - begin)), begin, end});
  }
  return phrases;
}

std::string head_word(const std::string& phrase) {
  const std::vector<Word> words = split_words(phrase);
  std::size_t at = 0;
  if (const std::size_t opener = opener_at(words, 0)) {
    at = opener;
  } else if (!words.empty() && is_preposition(words[0].folded)) {
    at = 1;
  }
  std::string head;
  for (; at < words.size(); ++at) {
    const std::string& word = words[at].folded;
    if (!head.empty() &&
        (is_preposition(word) || word == "of" || word == "to" || opener_at(words, at))) {
      break;
    }
    if (!words[at].mark) head = word;
  }
  return head;
}

std::vector<bool> changed_phrases(const std::vector<Phrase>& before,
                                  const std::vector<Phrase>& phrases) {
  std::multiset<std::vector<std::string>> known;
  for (const Phrase& phrase : before) known.insert(folded_words(phrase.text));
  std::vector<bool> changed;
  for (const Phrase& phrase : phrases) {
    const auto found = known.find(folded_words(phrase.text));
    changed.push_back(found == known.end());
    if (found != known.end()) known.erase(found);
  }
  return changed;
}

std::string without_phrase(std::string_view text, const std::vector<Phrase>& phrases,
                           std::size_t index) {
  return cut_out(text, phrases.at(index).begin, phrases.at(index).end);
}

}  // namespace omr::session
