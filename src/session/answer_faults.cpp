#include "omr/session/answer_faults.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include "omr/session/kept_phrases.h"
#include "omr/session/phrases.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

using WordList = std::vector<std::string>;  // folded

// "I like the star", but not "I would like the star red".
bool praises(const std::string& feedback) {
  static const std::set<std::string> words = {"like",   "love",      "good", "great",
                                              "nice",   "keep",      "fine", "lovely",
                                              "thanks", "beautiful", "works"};
  const WordList said = folded_words(feedback);
  for (std::size_t i = 0; i < said.size(); ++i) {
    const bool wishes = i > 0 && (said[i - 1] == "would" || said[i - 1] == "i'd");
    if (words.count(said[i]) != 0 && !wishes) return true;
  }
  return false;
}

// Whether the feedback wants something else of a thing that it names.
bool asks_for_a_change(const std::string& prompt, const std::string& feedback) {
  const std::vector<bool> spoken_of = phrases_spoken_of(cut_phrases(prompt), feedback);
  const bool all = std::all_of(spoken_of.begin(), spoken_of.end(), [](bool of) { return of; });
  return !(all && spoken_of.size() > 1) && !praises(feedback);
}

bool same_heads(const Phrase& a, const Phrase& b) {
  return same_word(head_word(a.text), head_word(b.text));
}

// Whether the feedback may mean that the phrase is to go: it says a word of it, or points.
bool may_go(const Phrase& phrase, const WordList& feedback) {
  static const std::set<std::string> pointing = {"it",  "them",   "these", "those", "everything",
                                                 "all", "others", "rest",  "only",  "just"};
  if (holds_any(feedback, pointing)) return true;
  const WordList own = folded_words(phrase.text);
  return std::any_of(own.begin(), own.end(), [&](const std::string& word) {
    return !is_function_word(word) && holds(feedback, word);
  });
}

// Whether a thing went although nothing was to go, or something else: "I don't like this one" and
// "remove the crowd", which no phrase speaks of, take no phrase away.
bool loses_a_thing(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                   const WordList& feedback) {
  static const std::set<std::string> removing = {
      "remove",  "delete", "drop", "erase", "without", "no",   "not",
      "don't",   "lose",   "rid",  "away",  "only",    "just", "replace",
      "instead", "fewer",  "less", "leave", "omit",    "out",  "off"};
  if (after.size() >= before.size()) return false;
  if (!holds_any(feedback, removing)) return true;
  return std::any_of(before.begin(), before.end(), [&](const Phrase& phrase) {
    const bool gone = std::none_of(after.begin(), after.end(),
                                   [&](const Phrase& left) { return same_heads(phrase, left); });
    return gone && !may_go(phrase, feedback);
  });
}

// Whether a thing came a second time although no thing was to come.
bool doubles_a_thing(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                     const WordList& feedback) {
  if (after.size() <= before.size() ||
      std::any_of(feedback.begin(), feedback.end(), is_indefinite)) {
    return false;
  }
  std::multiset<std::string> heads;
  for (const Phrase& phrase : before) heads.insert(head_word(phrase.text));
  for (const Phrase& phrase : after) {
    const std::string head = head_word(phrase.text);
    if (const auto known = heads.find(head); known != heads.end()) {
      heads.erase(known);
    } else if (std::any_of(before.begin(), before.end(), [&](const Phrase& one) {
                 return same_word(head_word(one.text), head);
               })) {
      return true;
    }
  }
  return false;
}

}  // namespace

int faults_that_show(const std::string& prompt, const std::string& feedback,
                     const Refinement& answer) {
  const std::vector<Phrase> before = cut_phrases(prompt), after = cut_phrases(answer.prompt);
  const WordList said = folded_words(feedback);
  const bool idle = !answer.negative && folded_words(answer.prompt) == folded_words(prompt) &&
                    asks_for_a_change(prompt, feedback);
  return (idle ? 1 : 0) + (loses_a_thing(before, after, said) ? 1 : 0) +
         (doubles_a_thing(before, after, said) ? 1 : 0);
}

}  // namespace omr::session
