// omr's own words to a language model that was not trained as a refiner: the task, and examples of
// every kind of feedback, which small chat models follow better than rules.
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "omr/llm/refiner_template.h"

namespace omr::llm {
namespace {

constexpr std::string_view kTask =
    "You rewrite prompts for an image generator. You get the prompt of the last image and what the "
    "user says about that image. Answer with one line: the whole new prompt, which keeps "
    "everything that the user did not criticise. When the user wants something gone, leave it out "
    "of the prompt and add a second line that begins with \"Negative:\" and names it. Write "
    "nothing else.";

struct Example {
  std::string_view prompt, feedback, answer;
};

constexpr std::array<Example, 5> kExamples = {{
    {"a wooden boat on a calm lake, morning light", "make it stormy and at night",
     "a wooden boat on a stormy lake, night, dark clouds"},
    {"portrait of an old fisherman, oil painting", "he should wear a yellow raincoat",
     "portrait of an old fisherman wearing a yellow raincoat, oil painting"},
    {"a busy market street with cars and people", "no cars please",
     "a busy market street with people\nNegative: cars"},
    {"a white cat asleep on a red sofa", "perfect, I like it", "a white cat asleep on a red sofa"},
    {"two red apples on a table", "could the apples be green, and closer?",
     "close-up of two green apples on a table"},
}};

std::string request(std::string_view prompt, std::string_view feedback) {
  return "Prompt: " + std::string(prompt) + "\nFeedback: " + std::string(feedback);
}

constexpr const char* kAnswerLabel = "\nRefined:";

}  // namespace

RefinerTemplate RefinerTemplate::instruction(const std::optional<ChatMarkup>& markup) {
  const std::string task(kTask);
  const std::string asked = request("{prompt}", "{feedback}");
  RefinerTemplate out;
  out.max_new_tokens = 128;
  out.stop = {"\n\n", "\nPrompt:"};
  if (!markup) {
    out.text = task + "\n\n";
    for (const Example& example : kExamples) {
      out.text += request(example.prompt, example.feedback) + kAnswerLabel + " " +
                  std::string(example.answer) + "\n\n";
    }
    out.text += asked + kAnswerLabel;
    return out;
  }
  std::vector<ChatExchange> exchanges;
  for (const Example& example : kExamples) {
    exchanges.push_back({request(example.prompt, example.feedback), std::string(example.answer)});
  }
  out.text = render_chat(*markup, task, exchanges, asked);
  out.is_chat = true;
  out.end_of_turn = markup->end;
  return out;
}

}  // namespace omr::llm
