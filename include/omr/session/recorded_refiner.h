// A refiner that answers from a record: a replay does not depend on the language model.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "omr/session/language_model.h"

namespace omr::session {

struct RecordedRefinement {
  std::string feedback;
  std::string prompt;
  std::string negative_prompt;
  std::string fallback_reason;
};

class RecordedRefiner : public LanguageModel {
 public:
  explicit RecordedRefiner(std::vector<RecordedRefinement> answers)
      : answers_(std::move(answers)) {}

  // The next answer. Throws Error(mismatch) when the record holds none, or one to another feedback.
  Refinement refine(const std::string& prompt, const std::string& feedback,
                    const Cancellation& cancellation) override;

 private:
  std::vector<RecordedRefinement> answers_;
  std::size_t next_ = 0;
};

}  // namespace omr::session
