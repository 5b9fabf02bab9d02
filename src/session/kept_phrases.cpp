#include "omr/session/kept_phrases.h"

#include <algorithm>
#include <optional>
#include <set>

#include "omr/session/words.h"

namespace omr::session {
namespace {

using WordList = std::vector<std::string>;  // folded

bool holds_run(const WordList& words, const WordList& run) {
  return std::search(words.begin(), words.end(), run.begin(), run.end()) != words.end();
}

WordList content_words(std::string_view text) {
  WordList out;
  for (std::string& word : folded_words(text)) {
    if (!is_function_word(word)) out.push_back(std::move(word));
  }
  return out;
}

// "it" is the thing named before it in the sentence, if there is one.
bool may_mean_anything(const std::vector<Phrase>& phrases, const WordList& feedback) {
  static const std::set<std::string> words = {
      "everything", "all",     "every", "each",  "everyone", "they",  "them",
      "their",      "these",   "those", "this",  "that",     "whole", "both",
      "none",       "nothing", "image", "scene", "picture",  "photo", "drawing"};
  static const std::set<std::string> pronouns = {"it", "its"};
  bool named = false;
  for (const std::string& word : feedback) {
    if (words.count(word) != 0 || (!named && pronouns.count(word) != 0)) return true;
    named = named || std::any_of(phrases.begin(), phrases.end(), [&](const Phrase& phrase) {
              return same_word(head_word(phrase.text), word);
            });
  }
  return false;
}

bool adds_something(const WordList& feedback) {
  static const std::set<std::string> words = {"add",   "include",   "insert",  "also",
                                              "miss",  "missing",   "another", "draw",
                                              "extra", "additional"};
  const bool named = std::any_of(feedback.begin(), feedback.end(), is_indefinite);
  return named && (holds_any(feedback, words) || holds_run(feedback, {"there", "should", "be"}) ||
                   holds_run(feedback, {"put", "in"}) || holds_run(feedback, {"asked", "for"}) ||
                   holds_run(feedback, {"like", "to", "see"}));
}

// The words right before feedback[at], its article or verb left out, that some phrase about this
// head has too.
WordList attributes_at(const WordList& feedback, std::size_t at,
                       const std::vector<WordList>& about_head) {
  WordList out;
  while (at-- > 0 && !is_function_word(feedback[at])) {
    const bool known = std::any_of(about_head.begin(), about_head.end(),
                                   [&](const WordList& one) { return holds(one, feedback[at]); });
    if (known) out.push_back(feedback[at]);
  }
  return out;
}

// The words of a phrase from its first preposition on: where its thing is.
WordList place_words(const WordList& phrase) {
  return {std::find_if(phrase.begin(), phrase.end(), is_preposition), phrase.end()};
}

// The words behind feedback[at] that say where the thing is: "on the left" of "make the moon on the
// left red". Not of "put the moon on the left", where they are the wish: nothing else is said.
WordList place_at(const WordList& feedback, std::size_t at,
                  const std::vector<WordList>& about_head) {
  WordList out;
  if (at + 1 == feedback.size() || !is_preposition(feedback[at + 1])) return out;
  std::size_t end = at + 1;
  for (; end < feedback.size(); ++end) {
    const std::string& word = feedback[end];
    const bool known = std::any_of(about_head.begin(), about_head.end(), [&](const WordList& one) {
      return holds(place_words(one), word);
    });
    if (!known && word != "the" && !is_preposition(word)) break;
    if (known && !is_function_word(word)) out.push_back(word);
  }
  static const std::set<std::string> polite = {"please", "thanks", "too", "instead"};
  const bool more = end < feedback.size() && polite.count(feedback[end]) == 0;
  return more ? out : WordList();
}

std::vector<bool> named_by_head(const std::vector<Phrase>& phrases, const WordList& feedback) {
  std::vector<bool> named(phrases.size(), false);
  for (std::size_t at = 0; at < feedback.size(); ++at) {
    std::vector<std::size_t> indices;
    std::vector<WordList> about_head;
    for (std::size_t p = 0; p < phrases.size(); ++p) {
      if (!same_word(head_word(phrases[p].text), feedback[at])) continue;
      indices.push_back(p);
      about_head.push_back(folded_words(phrases[p].text));
    }
    WordList attributes = attributes_at(feedback, at, about_head);
    const WordList place = place_at(feedback, at, about_head);
    attributes.insert(attributes.end(), place.begin(), place.end());
    std::vector<std::size_t> meant;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const bool fits = std::all_of(
          attributes.begin(), attributes.end(),
          [&](const std::string& attribute) { return holds(about_head[i], attribute); });
      if (fits) meant.push_back(indices[i]);
    }
    for (const std::size_t p : meant.empty() ? indices : meant) named[p] = true;
  }
  return named;
}

struct Match {
  std::optional<std::size_t> exact;        // the answer's phrase of the same words
  std::optional<std::size_t> counterpart;  // that, or the one about the same thing
};

// Which phrase of the answer each phrase of `before` became.
std::vector<Match> match_phrases(const std::vector<Phrase>& before,
                                 const std::vector<Phrase>& answer) {
  std::vector<Match> matches(before.size());
  std::vector<bool> taken(answer.size(), false);
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t j = 0; j < answer.size(); ++j) {
      if (taken[j] || folded_words(before[i].text) != folded_words(answer[j].text)) continue;
      taken[j] = true;
      matches[i] = {j, j};
      break;
    }
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t j = 0; !matches[i].counterpart && j < answer.size(); ++j) {
      if (taken[j] || !same_word(head_word(before[i].text), head_word(answer[j].text))) continue;
      taken[j] = true;
      matches[i].counterpart = j;
    }
  }
  return matches;
}

// Whether the feedback accounts for what the answer's phrase says beyond the lost one's words.
bool asked_for(const Phrase& phrase, const Phrase& lost, const WordList& feedback) {
  const WordList own = folded_words(lost.text);
  const WordList words = content_words(phrase.text);
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return !holds(own, word) && holds(feedback, word);
  });
}

// The phrase of the answer that is the lost one with other words: no other phrase's exact match,
// not what the feedback asks for, and with most words in common.
std::optional<std::size_t> altered_form(const Phrase& lost, const std::vector<Phrase>& answer,
                                        const std::vector<Match>& matches,
                                        const WordList& feedback) {
  std::optional<std::size_t> best;
  std::size_t most = 0;
  const WordList own = content_words(lost.text);
  for (std::size_t j = 0; j < answer.size(); ++j) {
    const bool exact = std::any_of(matches.begin(), matches.end(),
                                   [&](const Match& match) { return match.exact == j; });
    if (exact || asked_for(answer[j], lost, feedback)) continue;
    std::size_t shared = same_word(head_word(lost.text), head_word(answer[j].text)) ? 1 : 0;
    for (const std::string& word : content_words(answer[j].text)) shared += holds(own, word);
    if (shared > most) best = j, most = shared;
  }
  return best;
}

bool joins_by_space(const std::string& phrase) {
  const WordList words = folded_words(phrase);
  return !words.empty() && (is_preposition(words.front()) || words.front() == "with");
}

std::string inserted(const std::string& text, std::size_t at, const std::string& phrase) {
  if (at == 0 && !joins_by_space(phrase)) return phrase + ", " + text;
  if (at == 0) return text + " " + phrase;
  return text.substr(0, at) + (joins_by_space(phrase) ? " " : ", ") + phrase + text.substr(at);
}

}  // namespace

std::vector<bool> phrases_spoken_of(const std::vector<Phrase>& phrases, std::string_view feedback) {
  const WordList words = folded_words(feedback);
  const std::vector<bool> all(phrases.size(), true);
  if (may_mean_anything(phrases, words)) return all;
  std::vector<bool> named(phrases.size(), false);
  if (holds(words, "one")) {
    for (std::size_t p = 0; p < phrases.size(); ++p) {
      const WordList own = content_words(phrases[p].text);
      named[p] = std::any_of(own.begin(), own.end(),
                             [&](const std::string& word) { return holds(words, word); });
    }
  } else {
    named = named_by_head(phrases, words);
  }
  const bool any = std::find(named.begin(), named.end(), true) != named.end();
  return any || adds_something(words) ? named : all;
}

KeptPrompt keep_unspoken(const std::string& before, const std::string& feedback,
                         const std::string& answer) {
  KeptPrompt kept{answer, {}};
  const std::vector<Phrase> phrases = cut_phrases(before);
  const std::vector<bool> spoken_of = phrases_spoken_of(phrases, feedback);
  const WordList words = folded_words(feedback);
  for (std::size_t i = 0; i < phrases.size(); ++i) {
    if (spoken_of[i]) continue;
    const std::vector<Phrase> now = cut_phrases(kept.text);
    const std::vector<Match> matches = match_phrases(phrases, now);
    if (matches[i].exact) continue;
    kept.restored.push_back(phrases[i].text);
    if (const auto altered = altered_form(phrases[i], now, matches, words)) {
      kept.text.replace(now[*altered].begin, now[*altered].end - now[*altered].begin,
                        phrases[i].text);
      continue;
    }
    std::size_t at = 0;
    for (std::size_t j = 0; j < i; ++j) {
      if (matches[j].counterpart) at = now[*matches[j].counterpart].end;
    }
    kept.text = inserted(kept.text, at, phrases[i].text);
  }
  return kept;
}

}  // namespace omr::session
