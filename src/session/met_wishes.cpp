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
  return holds_any(wish, words) || std::any_of(wish.begin(), wish.end(), is_word_of_removal);
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
  if (adds_or_removes(said)) return false;
  WordList words;
  std::copy_if(said.begin(), said.end(), std::back_inserter(words),
               [](const std::string& word) { return !says_nothing_of_things(word); });
  if (words.size() < 2) return false;
  std::vector<WordList> own;
  for (const Phrase& phrase : phrases) own.push_back(folded_words(phrase.text));
  const std::vector<std::size_t> met = holding(own, words, nullptr);
  if (met.size() != 1) return false;
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return holding(own, words, &word) == met; });
}

}  // namespace omr::session
