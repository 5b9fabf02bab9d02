#include "omr/llm/refiner_template.h"

#include <array>
#include <utility>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::llm {
namespace {

constexpr std::string_view kPromptPlace = "{prompt}";
constexpr std::string_view kFeedbackPlace = "{feedback}";

constexpr std::string_view kInstruction =
    "You rewrite prompts for an image generator. You get the prompt of the last image and what the "
    "user says about that image. Answer with one line: the whole new prompt, which keeps "
    "everything that the user did not criticise. When the user wants something gone, leave it out "
    "of the prompt and add a second line that begins with \"Negative:\" and names it. Write "
    "nothing "
    "else.";

struct Example {
  std::string_view prompt, feedback, answer;
};

constexpr std::array<Example, 4> kExamples = {{
    {"a wooden boat on a calm lake, morning light", "make it stormy and at night",
     "a wooden boat on a stormy lake, night, dark clouds"},
    {"portrait of an old fisherman, oil painting", "he should wear a yellow raincoat",
     "portrait of an old fisherman wearing a yellow raincoat, oil painting"},
    {"a busy market street with cars and people", "no cars please",
     "a busy market street with people\nNegative: cars"},
    {"a white cat asleep on a red sofa", "perfect, I like it", "a white cat asleep on a red sofa"},
}};

std::string examples() {
  std::string out;
  for (const Example& example : kExamples) {
    out += "Prompt: " + std::string(example.prompt) +
           "\nFeedback: " + std::string(example.feedback) +
           "\nRefined: " + std::string(example.answer) + "\n\n";
  }
  return out;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

RefinerTemplate read_refiner_json(const std::filesystem::path& path) {
  const io::Config config(path);
  config.allow_only({"template", "stop", "max_new_tokens"});
  RefinerTemplate out;
  out.text = config.text("template");
  for (std::string_view place : {kPromptPlace, kFeedbackPlace}) {
    if (count_of(out.text, place) != 1) {
      throw Error(ErrorKind::format, path.string() + ": the template must hold " +
                                         std::string(place) + " exactly once");
    }
  }
  if (config.has("stop")) out.stop = config.texts("stop");
  for (const std::string& stop : out.stop) {
    if (stop.empty()) throw Error(ErrorKind::format, path.string() + ": a stop string is empty");
  }
  if (config.has("max_new_tokens")) {
    out.max_new_tokens = config.integer_within("max_new_tokens", 1, 4096);
  }
  return out;
}

// chat_template of tokenizer_config.json: a text, or a list of named ones; newer folders keep it in
// chat_template.jinja.
std::string read_chat_template(const std::filesystem::path& folder) {
  const std::filesystem::path jinja = folder / "chat_template.jinja";
  if (std::filesystem::exists(jinja)) return io::read_text(jinja, 1u << 20);
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return {};
  const io::Json config = io::read_json(path);
  const auto found = config.find("chat_template");
  if (found == config.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_array()) return {};
  for (const io::Json& item : *found) {
    if (!item.is_object() || !item.contains("template") || !item["template"].is_string()) continue;
    if (item.value("name", io::Json()) == "default") return item["template"].get<std::string>();
  }
  return {};
}

}  // namespace

ChatFormat recognise_chat_format(std::string_view chat_template) {
  const auto has = [&](std::string_view mark) {
    return chat_template.find(mark) != std::string_view::npos;
  };
  if (has("<<SYS>>")) return ChatFormat::llama2;
  if (has("<|user|>")) return ChatFormat::zephyr;
  if (has("[INST]")) return ChatFormat::mistral;
  return ChatFormat::plain;
}

RefinerTemplate RefinerTemplate::of_folder(const std::filesystem::path& folder) {
  const std::filesystem::path own = folder / "refiner.json";
  if (std::filesystem::exists(own)) return read_refiner_json(own);
  return instruction(recognise_chat_format(read_chat_template(folder)));
}

RefinerTemplate RefinerTemplate::instruction(ChatFormat format) {
  const std::string task(kInstruction);
  const std::string request = "Prompt: {prompt}\nFeedback: {feedback}\nRefined:";
  RefinerTemplate out;
  out.max_new_tokens = 128;
  out.stop = {"\n\n", "\nPrompt:"};
  switch (format) {
    case ChatFormat::plain:
      out.text = task + "\n\n" + examples() + request;
      break;
    case ChatFormat::llama2:
      out.text = "[INST] <<SYS>>\n" + task + "\n<</SYS>>\n\n" + examples() + request + " [/INST]";
      out.stop.push_back("[INST]");
      break;
    case ChatFormat::mistral:
      out.text = "[INST] " + task + "\n\n" + examples() + request + " [/INST]";
      out.stop.push_back("[INST]");
      break;
    case ChatFormat::zephyr:
      out.text = "<|system|>\n" + task + "</s>\n<|user|>\n" + examples() + request +
                 "</s>\n<|assistant|>\n";
      out.stop.push_back("<|user|>");
      out.has_end_marks = true;
      break;
  }
  return out;
}

std::string_view RefinerTemplate::fixed_prefix() const {
  const std::size_t end = std::min(text.find(kPromptPlace), text.find(kFeedbackPlace));
  return std::string_view(text).substr(0, end);
}

std::string fill_template(std::string_view text, std::string_view prompt,
                          std::string_view feedback) {
  std::string out;
  out.reserve(text.size() + prompt.size() + feedback.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t prompt_at = text.find(kPromptPlace, at);
    const std::size_t feedback_at = text.find(kFeedbackPlace, at);
    const std::size_t place = std::min(prompt_at, feedback_at);
    out += text.substr(at, place - at);
    if (place == std::string_view::npos) break;
    const bool is_prompt = place == prompt_at;
    out += is_prompt ? prompt : feedback;
    at = place + (is_prompt ? kPromptPlace : kFeedbackPlace).size();
  }
  return out;
}

}  // namespace omr::llm
