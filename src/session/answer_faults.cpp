#include "omr/session/answer_faults.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <vector>

#include "omr/session/kept_phrases.h"
#include "omr/session/met_wishes.h"
#include "omr/session/phrases.h"
#include "omr/session/wishes.h"
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
bool asks_for_a_change(const std::vector<bool>& spoken_of, const std::string& feedback) {
  const bool all = std::all_of(spoken_of.begin(), spoken_of.end(), [](bool of) { return of; });
  return !(all && spoken_of.size() > 1) && !praises(feedback);
}

// Whether the feedback wants a thing larger that the prompt calls large already, or smaller one
// that it calls small: there are no other words for it, the drawing is to change.
bool is_as_large_as_words_go(const std::vector<Phrase>& phrases, const std::vector<bool>& spoken_of,
                             const WordList& said) {
  struct Scale {
    std::set<std::string> wanted, end;
  };
  static const Scale scales[] = {
      {{"larger", "bigger", "enlarge", "huge"}, {"large", "big", "huge"}},
      {{"smaller", "shrink", "tiny"}, {"small", "little", "tiny"}}};
  if (holds_any(said, {"too", "less", "not"})) return false;
  for (std::size_t p = 0; p < phrases.size(); ++p) {
    const WordList own = folded_words(phrases[p].text);
    for (const Scale& scale : scales) {
      if (spoken_of[p] && holds_any(said, scale.wanted) && holds_any(own, scale.end)) return true;
    }
  }
  return false;
}

bool same_heads(const Phrase& a, const Phrase& b) {
  return same_word(head_word(a.text), head_word(b.text));
}

// Whether one of the phrases is about the thing that this one is about.
bool have_thing_of(const std::vector<Phrase>& phrases, const Phrase& one) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](const Phrase& phrase) { return same_heads(phrase, one); });
}

// Two different ones cannot both be said of a thing.
bool is_colour(const std::string& word) {
  static const std::set<std::string> words = {"black", "white",     "gray",   "grey",   "red",
                                              "green", "yellow",    "blue",   "brown",  "orange",
                                              "pink",  "purple",    "violet", "golden", "cyan",
                                              "beige", "turquoise", "silver", "navy"};
  return words.count(word) != 0;
}

// What stands for a thing, or behind one: "the blue one", "the blue one please".
bool stands_for_a_thing(const std::string& word) {
  static const std::set<std::string> words = {"ones",   "thing",  "things", "object", "shape",
                                              "part",   "please", "too",    "now",    "thanks",
                                              "should", "must",   "needs",  "has"};
  return words.count(word) != 0 || is_function_word(word);
}

// Whether feedback[at] names the thing of a phrase: "tree" or "purple" that of "a purple tree", but
// neither word in "the blue tree" and "the purple house".
bool names(const WordList& feedback, std::size_t at, const WordList& phrase,
           const std::string& head) {
  const std::string& word = feedback[at];
  if (same_word(word, head)) {
    const bool other = at > 0 && is_colour(feedback[at - 1]) && !holds(phrase, feedback[at - 1]);
    return !(other && std::any_of(phrase.begin(), phrase.end(), is_colour));
  }
  if (is_function_word(word) || !holds(phrase, word)) return false;
  const bool of_another = is_colour(word) && at + 1 < feedback.size() &&
                          !stands_for_a_thing(feedback[at + 1]) && !holds(phrase, feedback[at + 1]);
  return !of_another;
}

bool asks_to_remove(const WordList& feedback) {
  static const std::set<std::string> rest = {"only",  "just", "replace", "instead",
                                             "fewer", "less", "out",     "off"};
  return takes_away(feedback) || holds_any(feedback, rest);
}

bool may_ask_to_remove(const WordList& feedback) {
  return asks_to_remove(feedback) || holds_any(feedback, {"no", "not", "don't"});
}

// Whether the feedback may mean that the phrase is to go: it names it, or points. "I don't like it"
// does not point at a thing.
bool may_go(const Phrase& phrase, const WordList& feedback) {
  static const std::set<std::string> pointing = {"it",  "them",   "these", "those", "everything",
                                                 "all", "others", "rest",  "only",  "just"};
  if (asks_to_remove(feedback) && holds_any(feedback, pointing)) return true;
  const WordList own = folded_words(phrase.text);
  const std::string head = head_word(phrase.text);
  for (std::size_t i = 0; i < feedback.size(); ++i) {
    if (names(feedback, i, own, head)) return true;
  }
  return false;
}

// Whether the feedback wants something gone that no phrase speaks of.
bool removes_nothing_there(const std::vector<Phrase>& before, const WordList& feedback) {
  return may_ask_to_remove(feedback) &&
         std::none_of(before.begin(), before.end(),
                      [&](const Phrase& phrase) { return may_go(phrase, feedback); });
}

// Whether a thing went although nothing was to go, or something else: "I don't like this one" and
// "remove the crowd", which no phrase speaks of, take no phrase away.
bool loses_a_thing(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                   const WordList& feedback) {
  if (after.size() >= before.size()) return false;
  if (!may_ask_to_remove(feedback)) return true;
  return std::any_of(before.begin(), before.end(), [&](const Phrase& phrase) {
    return !have_thing_of(after, phrase) && !may_go(phrase, feedback);
  });
}

// Whether a thing gave way to one that the feedback does not name.
bool names_a_thing_unasked(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                           const WordList& feedback) {
  const bool gone = std::any_of(before.begin(), before.end(), [&](const Phrase& phrase) {
    return !have_thing_of(after, phrase);
  });
  return gone && std::any_of(after.begin(), after.end(), [&](const Phrase& phrase) {
           return !have_thing_of(before, phrase) && !holds(feedback, head_word(phrase.text));
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
    if (const auto known = heads.find(head_word(phrase.text)); known != heads.end()) {
      heads.erase(known);
    } else if (have_thing_of(before, phrase)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool loses_what_was_not_meant(const std::string& prompt, const std::string& feedback,
                              const std::string& answer) {
  return loses_a_thing(cut_phrases(prompt), cut_phrases(answer), folded_words(feedback));
}

int faults_that_show(const std::string& prompt, const std::string& feedback,
                     const Refinement& answer) {
  const std::vector<Phrase> before = cut_phrases(prompt), after = cut_phrases(answer.prompt);
  const WordList said = folded_words(feedback);
  const std::vector<bool> spoken_of = phrases_spoken_of(before, feedback);
  const bool met = is_met(feedback, before);
  const bool same = folded_words(answer.prompt) == folded_words(prompt);
  const bool idle = same && !met && !answer.negative && asks_for_a_change(spoken_of, feedback) &&
                    !removes_nothing_there(before, said) &&
                    !is_as_large_as_words_go(before, spoken_of, said);
  const bool faults[] = {idle, met && !same, loses_a_thing(before, after, said),
                         doubles_a_thing(before, after, said),
                         names_a_thing_unasked(before, after, said)};
  return static_cast<int>(std::count(std::begin(faults), std::end(faults), true));
}

}  // namespace omr::session
