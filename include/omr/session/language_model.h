// What a session asks of the refiner: the next prompt from the last one and the user's words.
#pragma once

#include <optional>
#include <string>

#include "omr/core/cancellation.h"

namespace omr::session {

struct Refinement {
  std::string prompt;                        // the whole new prompt
  std::optional<std::string> negative = {};  // what its second line `Negative: …` said
  bool fallback = false;             // the answer was unusable; `prompt` joins prompt and feedback
  std::string fallback_reason = {};  // one clause for the person
  // A record of an earlier run: prompt and negative are final and taken as they stand.
  bool settled = false;
};

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  // `prompt` is plain text (no weight syntax). Throws Error(cancelled|resource).
  virtual Refinement refine(const std::string& prompt, const std::string& feedback,
                            const Cancellation& cancellation) = 0;

  // Whether several wishes are followed better one after the other (wishes.h).
  virtual bool one_wish_at_a_time() const { return false; }

  // Another answer to the same question, drawn by lot; `number`, from 1, says which. The same
  // arguments give the same answer. Nothing where the model has but one.
  virtual std::optional<Refinement> another(const std::string& prompt, const std::string& feedback,
                                            int number, const Cancellation& cancellation);
};

}  // namespace omr::session
