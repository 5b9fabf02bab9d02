// The round, which exists once: feedback → refiner → prompt → phrase weights → candidates → image
// model → embeddings → rewards → pick.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/session/journal_format.h"
#include "omr/session/parts.h"
#include "omr/session/prompt_refinement.h"
#include "omr/session/state.h"

namespace omr::session {

// What is remembered of the candidates of a round, in their order.
struct RoundMemory {
  std::vector<Latents> latents;
  std::vector<Embedding> embeddings;  // empty without a reward model
};

// The prompt of a round that is about to be drawn, for the person to read while it is.
struct RoundPreview {
  int round = 0;
  Prompt before;  // empty texts in the first round
  RefinedPrompt refined;
  std::vector<PhraseRecord> phrases;  // `score` is not known yet
};

struct RoundEvents {
  std::function<void(const RoundPreview&)> preview;
  Progress progress;
};

struct RoundInputs {
  const SessionState& state;
  // Empty: the prompt set by hand, or the session's first, is drawn as it is.
  std::string feedback;
  const RoundMemory* memory = nullptr;      // of the current round; null before the first
  const InitialPicture* initial = nullptr;  // of --init-image
};

struct RoundResult {
  RoundRecord record;  // complete but for the files' names, hashes and seconds.total
  std::vector<Candidate> candidates;
  RoundMemory memory;
};

// Touches neither state nor files. Throws what the models throw, Error(cancelled) among them.
RoundResult run_round(const RoundInputs& inputs, const Parts& parts, const RoundEvents& events,
                      const Cancellation& cancellation);

}  // namespace omr::session
