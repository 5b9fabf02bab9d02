#include "omr/session/reading.h"

#include <algorithm>
#include <set>
#include <utility>

#include "omr/core/error.h"
#include "omr/session/kept_phrases.h"
#include "omr/session/phrases.h"
#include "omr/session/user_text.h"
#include "omr/session/wishes.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

constexpr int kUnusable = 1000;  // more than an answer's phrases

// Why an answer cannot be a prompt; empty when it can.
std::string fault_of(const std::string& answer) {
  try {
    return clean_text(answer, "the refiner's answer").empty() ? "the refiner's answer is empty"
                                                              : "";
  } catch (const Error& error) {
    return error.what();
  }
}

// "I like the star", but not "I would like the star red".
bool praises(const std::string& feedback) {
  static const std::set<std::string> words = {"like",   "love",      "good", "great",
                                              "nice",   "keep",      "fine", "lovely",
                                              "thanks", "beautiful", "works"};
  const std::vector<std::string> said = folded_words(feedback);
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

// Whether a thing went although nothing was to go.
bool loses_a_thing(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                   const std::vector<std::string>& feedback) {
  static const std::set<std::string> removing = {
      "remove", "delete", "drop", "erase",   "without", "no",    "not",  "don't", "lose", "rid",
      "away",   "only",   "just", "replace", "instead", "fewer", "less", "leave", "omit"};
  return after.size() < before.size() && !holds_any(feedback, removing);
}

// Whether a thing came a second time although no thing was to come.
bool doubles_a_thing(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                     const std::vector<std::string>& feedback) {
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

// Phrases that took a word of another thing although the feedback says neither: the attribute of
// the neighbour. A word of a thing that the feedback names may be meant ("as red as the house").
int phrases_that_borrow(const std::vector<Phrase>& before, const std::vector<Phrase>& after,
                        const std::string& feedback) {
  const std::vector<std::string> said = folded_words(feedback);
  const std::vector<bool> spoken_of = phrases_spoken_of(before, feedback);
  std::vector<std::vector<std::string>> known;
  for (const Phrase& phrase : before) known.push_back(content_words(phrase.text));
  std::vector<std::vector<std::string>> altered;  // phrases that are new, or have other words
  std::vector<bool> gone(before.size(), true);  // of `before`: what the altered ones may have been
  for (const Phrase& phrase : after) {
    std::vector<std::string> words = content_words(phrase.text);
    const auto same = std::find(known.begin(), known.end(), words);
    if (same == known.end()) {
      altered.push_back(std::move(words));
    } else {
      gone[static_cast<std::size_t>(same - known.begin())] = false;
    }
  }
  int out = 0;
  for (const std::vector<std::string>& words : altered) {
    std::vector<std::string> own;
    std::ptrdiff_t most = 0;
    for (std::size_t p = 0; p < known.size(); ++p) {
      const auto shared = std::count_if(words.begin(), words.end(), [&](const std::string& word) {
        return holds_word(known[p], word);
      });
      if (gone[p] && shared > most) own = known[p], most = shared;
    }
    out += std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      if (holds_word(own, word) || holds_word(said, word)) return false;
      bool in_named = false, in_another = false;
      for (std::size_t p = 0; p < known.size(); ++p) {
        if (holds_word(known[p], word)) (spoken_of[p] ? in_named : in_another) = true;
      }
      return in_another && !in_named;
    });
  }
  return out;
}

Reading reading_of(const std::string& prompt, const std::string& feedback, Refinement answer) {
  if (answer.settled) return {std::move(answer), {}, 0};
  if (answer.negative && !fault_of(*answer.negative).empty()) answer.negative.reset();
  if (const std::string fault = fault_of(answer.prompt); !answer.fallback && !fault.empty())
    answer = {join_feedback(prompt, feedback), std::nullopt, true, fault, false};
  if (answer.fallback) return {std::move(answer), {}, kUnusable};
  KeptPrompt kept = keep_unspoken(prompt, feedback, answer.prompt);
  answer.prompt = std::move(kept.text);
  const bool idle = !answer.negative && folded_words(answer.prompt) == folded_words(prompt) &&
                    asks_for_a_change(prompt, feedback);
  const std::vector<Phrase> before = cut_phrases(prompt), after = cut_phrases(answer.prompt);
  const std::vector<std::string> said = folded_words(feedback);
  const int faults = static_cast<int>(kept.restored.size()) + (idle ? 1 : 0) +
                     (loses_a_thing(before, after, said) ? 1 : 0) +
                     (doubles_a_thing(before, after, said) ? 1 : 0) +
                     phrases_that_borrow(before, after, feedback);
  return {std::move(answer), std::move(kept.restored), faults};
}

// Of the whole feedback, or of one wish.
Reading read_at_once(const std::string& prompt, const std::string& feedback, LanguageModel& refiner,
                     int readings, const Cancellation& cancellation) {
  Reading best = reading_of(prompt, feedback, refiner.refine(prompt, feedback, cancellation));
  for (int number = 1; best.faults > 0 && number <= readings; ++number) {
    std::optional<Refinement> other = refiner.another(prompt, feedback, number, cancellation);
    if (!other) break;
    Reading reading = reading_of(prompt, feedback, *std::move(other));
    if (reading.faults < best.faults) best = std::move(reading);
  }
  return best;
}

}  // namespace

Reading read_feedback(const std::string& prompt, const std::string& feedback,
                      LanguageModel& refiner, int readings, const Cancellation& cancellation) {
  const std::vector<std::string> wishes =
      refiner.one_wish_at_a_time() ? split_wishes(feedback) : std::vector<std::string>{feedback};
  if (wishes.size() == 1) return read_at_once(prompt, feedback, refiner, readings, cancellation);
  Reading out{{prompt, std::nullopt}, {}};
  for (const std::string& wish : wishes) {
    Reading reading = read_at_once(out.answer.prompt, wish, refiner, readings, cancellation);
    if (reading.answer.fallback)
      return read_at_once(prompt, feedback, refiner, readings, cancellation);
    out.answer.prompt = std::move(reading.answer.prompt);
    if (reading.answer.negative) {
      out.answer.negative = out.answer.negative
                                ? *out.answer.negative + ", " + *reading.answer.negative
                                : *reading.answer.negative;
    }
    out.restored.insert(out.restored.end(), reading.restored.begin(), reading.restored.end());
    out.faults += reading.faults;
  }
  return out;
}

std::string join_feedback(const std::string& prompt, const std::string& feedback) {
  return prompt.empty() ? feedback : prompt + ", " + feedback;
}

}  // namespace omr::session
