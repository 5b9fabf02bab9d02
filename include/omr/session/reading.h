// How the refiner understood the feedback, and whether that can be right. A greedy answer that is
// wrong is wrong again when the user says it again; but that it alters a phrase of which nobody
// spoke, or nothing although something was named, can be seen without knowing what was meant. Such
// an answer is held against others that the model draws.
#pragma once

#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/session/language_model.h"

namespace omr::session {

struct Reading {
  Refinement answer;                  // its prompt with what the feedback leaves alone
  std::vector<std::string> restored;  // kept_phrases.h
  int faults = 0;                     // phrases restored, and answer_faults.h
};

// Wish by wish where the model follows one at a time: the first answer without a fault of the
// greedy one and at most `readings` drawn ones, or the one with the fewest. `prompt` is plain text.
// An answer that cannot be a prompt becomes a fallback, prompt and feedback joined, and loses to
// every other; one that is settled is taken as it stands.
Reading read_feedback(const std::string& prompt, const std::string& feedback,
                      LanguageModel& refiner, int readings, const Cancellation& cancellation);

// "prompt, feedback".
std::string join_feedback(const std::string& prompt, const std::string& feedback);

}  // namespace omr::session
