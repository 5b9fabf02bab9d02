#include "omr/llm/refiner_template.h"

#include <algorithm>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::llm {
namespace {

constexpr std::string_view kPromptPlace = "{prompt}";
constexpr std::string_view kFeedbackPlace = "{feedback}";

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
  config.allow_only({"template", "stop", "max_new_tokens", "answer_label", "one_wish_at_a_time"});
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
  if (config.has("answer_label")) out.answer_label = config.text("answer_label");
  out.one_wish_at_a_time = config.boolean("one_wish_at_a_time", false);
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

RefinerTemplate RefinerTemplate::of_folder(const std::filesystem::path& folder) {
  const std::filesystem::path own = folder / "refiner.json";
  if (std::filesystem::exists(own)) return read_refiner_json(own);
  return instruction(recognise_chat_markup(read_chat_template(folder)));
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
