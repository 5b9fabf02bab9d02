// The text that asks a language model for the next prompt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace omr::llm {

// Chat markup of a model family, told from tokenizer_config.json's chat_template.
enum class ChatFormat { plain, llama2, mistral, zephyr };

ChatFormat recognise_chat_format(std::string_view chat_template);

struct RefinerTemplate {
  std::string text;  // holds {prompt} once and {feedback} once
  std::vector<std::string> stop;
  std::int64_t max_new_tokens = 64;
  bool has_end_marks = false;  // `</s>` in `text` stands for the model's end-of-sequence token

  // refiner.json where the folder has one (Error(format) for a bad one), else omr's own instruction
  // with examples in the family's chat format.
  static RefinerTemplate of_folder(const std::filesystem::path& folder);
  static RefinerTemplate instruction(ChatFormat format);

  // The part before the first place, the same for every call.
  std::string_view fixed_prefix() const;
};

// `text` with its places filled. What the user wrote is not searched for places again.
std::string fill_template(std::string_view text, std::string_view prompt,
                          std::string_view feedback);

}  // namespace omr::llm
