// How model families write a conversation down as text: what stands before and after each turn.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace omr::llm {

// Control tokens (`</s>`, `<start_of_turn>`) are written out; SentencePieceTokenizer::find_special
// finds them again.
struct ChatMarkup {
  std::string beginning;
  // The system text stands in a turn of its own, or, between these two, before the first user's
  // text.
  std::string system_before, system_after;
  bool system_in_user = false;
  std::string user_before, user_after;
  std::string assistant_before, assistant_after;
  std::string answer;  // after the last user's turn; the model goes on from there
  std::string end;     // the token by which it ends its turn
};

// The family that a chat_template (tokenizer_config.json's Jinja text) belongs to, by the marks
// that it writes: Llama 2 (`<<SYS>>`), Mistral (`[INST]`, with the spaces of its several versions),
// Zephyr and TinyLlama (`<|user|>`), Gemma (`<start_of_turn>`), ChatML (`<|im_start|>`). None for
// another one.
std::optional<ChatMarkup> recognise_chat_markup(std::string_view chat_template);

struct ChatExchange {
  std::string user, assistant;
};

// The conversation as the family's chat_template renders it, with add_generation_prompt.
std::string render_chat(const ChatMarkup& markup, const std::string& system,
                        const std::vector<ChatExchange>& exchanges, const std::string& user);

}  // namespace omr::llm
