#include "omr/session/wishes.h"

#include <algorithm>
#include <set>

#include "omr/session/words.h"

namespace omr::session {
namespace {

using Words = std::vector<Word>;

bool is_imperative(const std::string& word) {
  static const std::set<std::string> words = {
      "make",    "move",     "put",     "place",  "draw",    "turn",  "change",   "shift",
      "bring",   "add",      "give",    "remove", "delete",  "drop",  "erase",    "take",
      "get",     "enlarge",  "shrink",  "grow",   "set",     "paint", "color",    "colour",
      "recolor", "replace",  "include", "insert", "use",     "let",   "show",     "keep",
      "swap",    "rotate",   "lose",    "have",   "leave",   "fix",   "increase", "decrease",
      "reduce",  "resize",   "scale",   "fill",   "push",    "pull",  "raise",    "lower",
      "omit",    "exchange", "switch",  "pick",   "position"};
  return words.count(word) != 0;
}

bool is_wishing_verb(const std::string& word) {
  static const std::set<std::string> words = {
      "should", "must", "is",    "are", "belongs", "belong", "needs", "want",  "would",
      "wish",   "miss", "looks", "has", "there",   "goes",   "need",  "prefer"};
  return words.count(word) != 0;
}

bool points_back(const std::string& word) {
  static const std::set<std::string> words = {"it", "its", "them", "their", "they", "that", "this"};
  return words.count(word) != 0;
}

bool is_joint(const Word& word) {
  static const std::set<std::string> words = {",", ";", ".", "and", "also", "but", "then"};
  return words.count(word.folded) != 0;
}

bool is_politeness(const Word& word) {
  static const std::set<std::string> words = {"please", "also", "then", "now",      "can", "could",
                                              "you",    "i",    "i'd",  "actually", "just"};
  return words.count(word.folded) != 0;
}

// Whether words[from, to) are a wish that stands by itself.
bool is_wish(const Words& words, std::size_t from, std::size_t to) {
  while (from < to && (is_politeness(words[from]) || is_joint(words[from]))) ++from;
  if (from == to) return false;
  bool verb = is_imperative(words[from].folded);
  for (std::size_t i = from; i < to; ++i) {
    if (points_back(words[i].folded)) return false;
    verb = verb || is_wishing_verb(words[i].folded);
  }
  return verb;
}

bool is_word_of_removal(const std::string& word) {
  static const std::set<std::string> words = {"remove", "delete", "drop", "erase", "without",
                                              "lose",   "rid",    "away", "leave", "omit"};
  return words.count(word) != 0;
}

// "The star must go", but not "must go to the left".
bool sends_away(const std::vector<std::string>& words) {
  static const std::set<std::string> leaving = {"go", "vanish", "disappear"};
  static const std::set<std::string> somewhere = {"to",   "further", "farther", "up",    "down",
                                                  "back", "where",   "higher",  "lower", "with"};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (leaving.count(words[i]) == 0) continue;
    const bool stays = i + 1 < words.size() &&
                       (is_preposition(words[i + 1]) || somewhere.count(words[i + 1]) != 0);
    if (!stays) return true;
  }
  return false;
}

}  // namespace

bool is_verb_of_wishes(const std::string& word) {
  return is_imperative(word) || is_wishing_verb(word);
}

bool takes_away(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), is_word_of_removal) || sends_away(words);
}

std::vector<std::string> split_wishes(std::string_view feedback) {
  const Words words = split_words(feedback);
  std::vector<std::string> out;
  std::size_t first = 0;
  const auto take = [&](std::size_t last) {
    out.emplace_back(feedback.substr(words[first].begin, words[last - 1].end - words[first].begin));
  };
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!is_joint(words[i]) || i < first) continue;
    std::size_t next = i;
    while (next < words.size() && is_joint(words[next])) ++next;
    std::size_t end = next;
    while (end < words.size() && !is_joint(words[end])) ++end;
    if (next < words.size() && is_wish(words, first, i) && is_wish(words, next, end)) {
      take(i);
      first = next;
    }
    i = next;
  }
  if (words.empty()) return {std::string(feedback)};
  take(words.size());
  return out;
}

}  // namespace omr::session
