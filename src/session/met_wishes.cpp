#include "omr/session/met_wishes.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "omr/session/wishes.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

using WordList = std::vector<std::string>;  // folded

// What a wish says besides things and what they are like.
bool says_nothing_of_things(const std::string& word) {
  static const std::set<std::string> words = {
      "please",   "thanks", "can",    "could",   "you",   "i",     "i'd",
      "actually", "just",   "really", "go",      "like",  "asked", "for",
      "rather",   "side",   "corner", "instead", "thing", "into",  "hmm",
      "picture",  "image",  "there",  "still",   "again", "my",    "me"};
  return words.count(word) != 0 || is_function_word(word) || is_verb_of_wishes(word);
}

bool adds_or_removes(const WordList& wish) {
  static const std::set<std::string> words = {"add",  "another", "second", "more", "extra",
                                              "also", "too",     "no",     "not",  "don't"};
  return holds_any(wish, words) || takes_away(wish);
}

// Verbs that say by themselves how a thing is to become, whatever it is now.
bool says_a_change(const WordList& wish) {
  static const std::set<std::string> words = {
      "enlarge", "shrink", "grow",  "increase", "decrease", "reduce", "resize",  "scale",
      "rotate",  "swap",   "raise", "lower",    "exchange", "switch", "recolor", "fix"};
  return holds_any(wish, words);
}

std::multiset<std::string> directions_of(const WordList& words) {
  static const std::set<std::string> known = {"top",    "bottom", "left",   "right",
                                              "center", "centre", "middle", "upper"};
  std::multiset<std::string> out;
  std::copy_if(words.begin(), words.end(), std::inserter(out, out.end()),
               [](const std::string& word) { return known.count(word) != 0; });
  return out;
}

// Whether a wish that says a place says the phrase's: "at the top" is another than "at the top
// right", though the latter has all its words.
bool says_its_place(const WordList& wish, const WordList& phrase) {
  const std::multiset<std::string> said = directions_of(wish);
  return said.empty() || said == directions_of(phrase);
}

// The phrases that hold all words but `but`.
std::vector<std::size_t> holding(const std::vector<WordList>& phrases, const WordList& words,
                                 const std::string* but) {
  std::vector<std::size_t> out;
  for (std::size_t p = 0; p < phrases.size(); ++p) {
    const bool all = std::all_of(words.begin(), words.end(), [&](const std::string& word) {
      return &word == but || holds(phrases[p], word);
    });
    if (all) out.push_back(p);
  }
  return out;
}

}  // namespace

bool is_met(const std::string& wish, const std::vector<Phrase>& phrases) {
  const WordList said = folded_words(wish);
  if (adds_or_removes(said) || says_a_change(said)) return false;
  WordList words;
  std::copy_if(said.begin(), said.end(), std::back_inserter(words),
               [](const std::string& word) { return !says_nothing_of_things(word); });
  if (words.size() < 2) return false;
  std::vector<WordList> own;
  for (const Phrase& phrase : phrases) own.push_back(folded_words(phrase.text));
  const std::vector<std::size_t> met = holding(own, words, nullptr);
  if (met.size() != 1 || !says_its_place(said, own[met.front()])) return false;
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return holding(own, words, &word) == met; });
}

}  // namespace omr::session
