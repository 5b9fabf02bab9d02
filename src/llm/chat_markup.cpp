#include "omr/llm/chat_markup.h"

namespace omr::llm {
namespace {

ChatMarkup llama2() {
  ChatMarkup out;
  out.system_before = "<<SYS>>\n";
  out.system_after = "\n<</SYS>>\n\n";
  out.system_in_user = true;
  out.user_before = "<s>[INST] ";
  out.user_after = " [/INST]";
  out.assistant_before = " ";
  out.assistant_after = " </s>";
  out.end = "</s>";
  return out;
}

// Versions differ in their spaces only.
ChatMarkup mistral(std::string_view chat_template) {
  const auto writes = [&](std::string_view text) {
    return chat_template.find("'" + std::string(text) + "'") != std::string_view::npos ||
           chat_template.find('"' + std::string(text) + '"') != std::string_view::npos;
  };
  const auto has = [&](std::string_view text) {
    return chat_template.find(text) != std::string_view::npos;
  };
  ChatMarkup out;
  out.beginning = "<s>";
  out.system_after = "\n\n";
  out.system_in_user = true;
  out.user_before = writes(" [INST] ") ? " [INST] " : "[INST] ";
  out.user_after = writes("[/INST]") ? "[/INST]" : " [/INST]";
  if (has("\" \" + ") || has("' ' + ")) out.assistant_before = " ";
  out.assistant_after = has("eos_token + ' '") || has("eos_token + \" \"") ? "</s> " : "</s>";
  out.end = "</s>";
  return out;
}

// `<|role|>`, the text on the next line, and the end of the sequence.
ChatMarkup zephyr() {
  ChatMarkup out;
  out.system_before = "<|system|>\n";
  out.user_before = "<|user|>\n";
  out.assistant_before = out.answer = "<|assistant|>\n";
  out.system_after = out.user_after = out.assistant_after = "</s>\n";
  out.end = "</s>";
  return out;
}

ChatMarkup gemma() {
  ChatMarkup out;
  out.beginning = "<bos>";
  out.system_after = "\n\n";
  out.system_in_user = true;
  out.user_before = "<start_of_turn>user\n";
  out.assistant_before = out.answer = "<start_of_turn>model\n";
  out.user_after = out.assistant_after = "<end_of_turn>\n";
  out.end = "<end_of_turn>";
  return out;
}

ChatMarkup chatml() {
  ChatMarkup out;
  out.system_before = "<|im_start|>system\n";
  out.user_before = "<|im_start|>user\n";
  out.assistant_before = out.answer = "<|im_start|>assistant\n";
  out.system_after = out.user_after = out.assistant_after = "<|im_end|>\n";
  out.end = "<|im_end|>";
  return out;
}

}  // namespace

std::optional<ChatMarkup> recognise_chat_markup(std::string_view chat_template) {
  const auto has = [&](std::string_view mark) {
    return chat_template.find(mark) != std::string_view::npos;
  };
  if (has("<<SYS>>")) return llama2();
  if (has("<start_of_turn>")) return gemma();
  if (has("<|im_start|>")) return chatml();
  if (has("<|user|>") || has("'<|' + message['role']")) return zephyr();
  if (has("[INST]")) return mistral(chat_template);
  return std::nullopt;
}

std::string render_chat(const ChatMarkup& markup, const std::string& system,
                        const std::vector<ChatExchange>& exchanges, const std::string& user) {
  const std::string opening = markup.system_before + system + markup.system_after;
  std::string out = markup.beginning;
  if (!markup.system_in_user) out += opening;
  bool first = true;
  const auto say = [&](const std::string& text) {
    out += markup.user_before;
    if (first && markup.system_in_user) out += opening;
    out += text + markup.user_after;
    first = false;
  };
  for (const ChatExchange& exchange : exchanges) {
    say(exchange.user);
    out += markup.assistant_before + exchange.assistant + markup.assistant_after;
  }
  say(user);
  return out + markup.answer;
}

}  // namespace omr::llm
