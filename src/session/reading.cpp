#include "omr/session/reading.h"

#include <utility>

#include "omr/core/error.h"
#include "omr/session/answer_faults.h"
#include "omr/session/kept_phrases.h"
#include "omr/session/met_wishes.h"
#include "omr/session/phrases.h"
#include "omr/session/user_text.h"
#include "omr/session/wishes.h"

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

Reading reading_of(const std::string& prompt, const std::string& feedback, Refinement answer) {
  if (answer.settled) return {std::move(answer), {}, 0};
  if (answer.negative && !fault_of(*answer.negative).empty()) answer.negative.reset();
  if (const std::string fault = fault_of(answer.prompt); !answer.fallback && !fault.empty())
    answer = {join_feedback(prompt, feedback), std::nullopt, true, fault, false};
  if (answer.fallback) return {std::move(answer), {}, kUnusable};
  KeptPrompt kept = keep_unspoken(prompt, feedback, answer.prompt);
  answer.prompt = std::move(kept.text);
  const int faults =
      static_cast<int>(kept.restored.size()) + faults_that_show(prompt, feedback, answer);
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
  // Where no reading is better, the prompt as it is does less harm than the loss of a thing, and
  // than what alters one that is as it should be.
  if (readings > 0 && best.faults > 0 && !best.answer.fallback &&
      (is_met(feedback, cut_phrases(prompt)) ||
       loses_what_was_not_meant(prompt, feedback, best.answer.prompt))) {
    best.answer.prompt = prompt;
    best.restored.clear();
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
