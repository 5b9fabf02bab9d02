#include "omr/session/recorded_refiner.h"

#include "omr/core/error.h"

namespace omr::session {

Refinement RecordedRefiner::refine(const std::string&, const std::string& feedback,
                                   const Cancellation&) {
  if (next_ == answers_.size()) {
    throw Error(ErrorKind::mismatch, "the record holds " + std::to_string(answers_.size()) +
                                         " refined prompts; the dialogue asks for one more, to \"" +
                                         feedback + "\"");
  }
  const RecordedRefinement& answer = answers_[next_];
  if (answer.feedback != feedback) {
    throw Error(ErrorKind::mismatch, "the record's refined prompt " + std::to_string(next_ + 1) +
                                         " answers \"" + answer.feedback + "\", not \"" + feedback +
                                         "\"");
  }
  ++next_;
  return {answer.prompt, answer.negative_prompt, !answer.fallback_reason.empty(),
          answer.fallback_reason, true};
}

}  // namespace omr::session
