// AUTOMATIC1111's emphasis in a prompt: (text:1.3), (text) = 1.1, [text] = 1/1.1, nested ones
// multiply, \( \) \[ \] are literal. The image model reads it; the refiner, the reward model and
// phrase cutting see plain text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

struct PlainPrompt {
  std::string text;             // without the syntax
  std::vector<double> weights;  // of each byte of `text`
  bool has_weights = false;     // some weight is not 1
};

// Never fails: an unclosed bracket closes at the end, a stray closing one is text, and so is a
// weight that is not a number (as modules/prompt_parser.py, parse_prompt_attention, has it).
PlainPrompt parse_weights(std::string_view prompt);

// Plain text as a prompt: its brackets escaped, and the weights of `before` put back, as (words:w),
// on the words that are still there.
std::string carry_weights(const PlainPrompt& before, const std::string& plain);

}  // namespace omr::session
