// The text that asks a language model for the next prompt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omr/llm/chat_markup.h"

namespace omr::llm {

struct RefinerTemplate {
  std::string text;  // holds {prompt} once and {feedback} once
  std::vector<std::string> stop;
  std::int64_t max_new_tokens = 64;
  // "Refined:" where the model first says on lines of its own what changes: the answer is what
  // stands behind this label. Empty: the answer begins at once.
  std::string answer_label;
  // A model that follows one wish far oftener than two is given the feedback's wishes in turn.
  bool one_wish_at_a_time = false;
  // Special tokens written in `text` stand for tokens, and it begins as it says. Else all of it is
  // text, after the tokenizer's beginning of sequence.
  bool is_chat = false;
  std::string end_of_turn;  // the special token that ends a chat model's answer; may be empty

  // refiner.json where the folder has one (Error(format) for a bad one), else omr's own instruction
  // with examples in the chat markup that the folder's chat_template tells.
  static RefinerTemplate of_folder(const std::filesystem::path& folder);
  // Without markup: one running text, for models that only continue texts.
  static RefinerTemplate instruction(const std::optional<ChatMarkup>& markup);

  // The part before the first place, the same for every call.
  std::string_view fixed_prefix() const;
};

// `text` with its places filled. What the user wrote is not searched for places again.
std::string fill_template(std::string_view text, std::string_view prompt,
                          std::string_view feedback);

}  // namespace omr::llm
