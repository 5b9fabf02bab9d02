// A language model's answer is a suggestion by a stranger: checked before it becomes a prompt.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace omr::llm {

inline constexpr std::size_t kMaxAnswerBytes = 1000;

struct RefinerAnswer {
  std::string prompt;                   // one line, trimmed; empty when the check failed
  std::optional<std::string> negative;  // from a second line `Negative: …`
  std::string failure;                  // why it cannot be used; empty when it can
};

// What stands behind the last line's beginning that is `label`; all of it for an empty label;
// nullopt when no line begins so.
std::optional<std::string_view> answer_behind(std::string_view text, std::string_view label);

// Usable is: UTF-8 without control characters, one line (and perhaps the `Negative:` line, then
// nothing), 1 to kMaxAnswerBytes bytes, with at least one letter or digit, not the feedback
// repeated (compared without case, spaces and punctuation; a feedback that is the very prompt is no
// echo), and without the labels of `template_text`. The unchanged prompt is a fair answer: praise
// changes nothing, and only the model has read the feedback.
RefinerAnswer check_answer(std::string_view answer, std::string_view prompt,
                           std::string_view feedback, std::string_view template_text);

}  // namespace omr::llm
