#include "omr/session/prompt_refinement.h"

#include <algorithm>
#include <vector>

#include "omr/core/error.h"
#include "omr/session/negation.h"
#include "omr/session/phrases.h"
#include "omr/session/prompt_syntax.h"
#include "omr/session/reading.h"
#include "omr/session/user_text.h"
#include "omr/session/words.h"

namespace omr::session {
namespace {

using Terms = std::vector<std::string>;

bool any_about(const std::vector<Phrase>& phrases, const std::string& term) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](const Phrase& phrase) { return is_about(phrase.text, term); });
}

// The terms without those that a phrase new in `text` asks for.
Terms without_asked_for(const Terms& terms, const std::string& before, const std::string& text) {
  const std::vector<Phrase> phrases = cut_phrases(text);
  const std::vector<bool> changed = changed_phrases(cut_phrases(before), phrases);
  Terms left;
  for (const std::string& term : terms) {
    bool asked_for = false;
    for (std::size_t i = 0; i < phrases.size(); ++i) {
      asked_for |= changed[i] && is_about(phrases[i].text, term);
    }
    if (!asked_for) left.push_back(term);
  }
  return left;
}

// The text without phrases about any of the terms; unchanged if nothing would be left.
std::string without_unwanted(const std::string& text, const Terms& unwanted) {
  std::string left = text;
  for (const std::string& term : unwanted) {
    const std::vector<Phrase> phrases = cut_phrases(left);
    for (std::size_t i = phrases.size(); i-- > 0;) {
      if (is_about(phrases[i].text, term)) left = without_phrase(left, phrases, i);
    }
  }
  return left.empty() ? text : left;
}

// Whether the wanted part of the feedback speaks of the term's thing: "no star at the top, move the
// star down" is not about a world without stars.
bool speaks_of(const std::string& wanted, const std::string& term) {
  const std::string head = head_word(term);
  const std::vector<Word> words = split_words(wanted);
  return std::any_of(words.begin(), words.end(),
                     [&](const Word& word) { return same_word(word.folded, head); });
}

}  // namespace

Prompt prompt_by_hand(const std::string& text, const std::string& negative) {
  const std::string prompt = clean_text(text, "the prompt");
  const PlainPrompt plain = parse_weights(prompt);
  const Negation negation = extract_negations(plain.text);
  const Terms terms = split_terms(clean_text(negative, "the negative prompt"));
  if (prompt.empty() || negation.text.empty()) {
    throw Error(ErrorKind::usage, prompt.empty()
                                      ? "the prompt is empty: say what to draw"
                                      : "the prompt only says what not to draw: say what to draw");
  }
  // Untouched text stays as it was typed, to the byte.
  return {negation.unwanted.empty() ? prompt : carry_weights(plain, negation.text),
          join_terms(merge_terms(terms, negation.unwanted))};
}

Prompt replace_prompt(const Prompt& before, const std::string& text) {
  const Prompt given = prompt_by_hand(text, "");
  const Terms left =
      without_asked_for(split_terms(before.negative), parse_weights(before.text).text,
                        parse_weights(given.text).text);
  return {given.text, join_terms(merge_terms(left, split_terms(given.negative)))};
}

RefinedPrompt refine_prompt(const Prompt& before, const std::string& feedback,
                            LanguageModel* refiner, int readings,
                            const Cancellation& cancellation) {
  const PlainPrompt plain = parse_weights(before.text);
  Reading reading{{join_feedback(plain.text, feedback), std::nullopt, true, "there is no refiner"},
                  {}};
  if (refiner != nullptr)
    reading = read_feedback(plain.text, feedback, *refiner, readings, cancellation);
  Refinement& answer = reading.answer;
  if (answer.settled) {
    return {
        {answer.prompt, answer.negative.value_or("")}, answer.fallback, answer.fallback_reason, {}};
  }

  const Negation of_feedback = extract_negations(feedback);
  const Negation of_answer = extract_negations(answer.prompt);
  std::string text = of_answer.text.empty() ? plain.text : of_answer.text;

  Terms unwanted;
  for (const std::string& term : merge_terms(of_feedback.unwanted, of_answer.unwanted)) {
    const bool stays = speaks_of(of_feedback.text, term) && any_about(cut_phrases(text), term);
    if (!stays) unwanted.push_back(term);
  }
  text = without_unwanted(text, unwanted);

  Terms terms = without_asked_for(split_terms(before.negative), plain.text, text);
  terms = merge_terms(std::move(terms), unwanted);
  if (answer.negative) {
    terms = merge_terms(std::move(terms), split_terms(clean_text(*answer.negative, "")));
  }
  return {{clean_text(carry_weights(plain, text), "the refined prompt"),
           clean_text(join_terms(terms), "the negative prompt")},
          answer.fallback,
          answer.fallback_reason,
          std::move(reading.restored)};
}

}  // namespace omr::session
