// From the last prompt and the user's words to the next prompt.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/session/language_model.h"

namespace omr::session {

struct Prompt {
  std::string text;  // weight syntax left in
  std::string negative;

  bool operator==(const Prompt&) const = default;
};

struct RefinedPrompt {
  Prompt prompt;
  bool fallback = false;
  std::string fallback_reason;
  std::vector<std::string> restored;  // phrases that the answer had lost (kept_phrases.h)
};

// A prompt that the user wrote: its negations go to the negative prompt, beside `negative`. Throws
// Error(usage) when nothing is left to draw.
Prompt prompt_by_hand(const std::string& text, const std::string& negative);

// The same for /prompt in the middle of a session: what `before` did not want and `text` asks for
// leaves the negative prompt.
Prompt replace_prompt(const Prompt& before, const std::string& text);

// The refiner's best reading of `feedback`, of so many more as Settings::readings (reading.h), made
// a prompt:
// - phrases of which the feedback does not speak are put back where the answer lost them;
// - weights that the user gave to words stay on them;
// - what the feedback or the answer negates goes to the negative prompt and leaves the prompt;
// - what was unwanted and is asked for again leaves the negative prompt.
//
// An empty, overlong or unprintable answer, or no refiner (null), falls back to joining both texts.
RefinedPrompt refine_prompt(const Prompt& before, const std::string& feedback,
                            LanguageModel* refiner, int readings, const Cancellation& cancellation);

}  // namespace omr::session
