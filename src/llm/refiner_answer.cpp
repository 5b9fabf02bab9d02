#include "omr/llm/refiner_answer.h"

#include <algorithm>
#include <vector>

#include "omr/core/utf8.h"

namespace omr::llm {
namespace {

constexpr std::string_view kNegativeLabel = "negative:";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_word_byte(char c) {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// Without one pair of quotation marks around the whole, which chat models like to add.
std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
                      text.substr(1, text.size() - 2).find('"') == std::string_view::npos;
  return quoted ? trimmed(text.substr(1, text.size() - 2)) : text;
}

bool starts_with_label(std::string_view line, std::string_view lower_label) {
  return line.size() >= lower_label.size() &&
         std::equal(lower_label.begin(), lower_label.end(), line.begin(),
                    [](char a, char b) { return a == lower(b); });
}

std::string words_only(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_word_byte(c)) out += lower(c);
  }
  return out;
}

// What precedes the colon of the template's lines, colon included: "Feedback:".
std::vector<std::string> labels_of(std::string_view template_text) {
  constexpr std::size_t kLongestLabel = 24;
  std::vector<std::string> labels;
  for (std::size_t begin = 0; begin < template_text.size();) {
    const std::size_t end = std::min(template_text.find('\n', begin), template_text.size());
    const std::string_view line = template_text.substr(begin, end - begin);
    const std::size_t colon = line.find(':');
    const bool is_label = colon != std::string_view::npos && colon > 0 && colon < kLongestLabel &&
                          std::all_of(line.begin(), line.begin() + colon,
                                      [](char c) { return is_word_byte(c) || c == ' '; });
    if (is_label) labels.emplace_back(line.substr(0, colon + 1));
    begin = end + 1;
  }
  return labels;
}

// Why one line cannot be (part of) a prompt; empty when it can.
std::string fault_of_line(std::string_view line) {
  if (line.size() > kMaxAnswerBytes) {
    return "the answer is " + std::to_string(line.size()) + " bytes long, more than " +
           std::to_string(kMaxAnswerBytes);
  }
  constexpr char32_t kReplacement = 0xFFFD;
  if (find_invalid_utf8(line) != std::string_view::npos || printable(line) != line ||
      line.find('\t') != std::string_view::npos) {
    return "the answer holds characters that cannot be printed";
  }
  for (char32_t code : decode_utf8(line)) {
    if (code == kReplacement) return "the answer holds characters that cannot be printed";
  }
  if (std::none_of(line.begin(), line.end(), is_word_byte)) return "the answer holds no word";
  return {};
}

}  // namespace

std::optional<std::string_view> answer_behind(std::string_view text, std::string_view label) {
  if (label.empty()) return text;
  for (std::size_t at = text.rfind(label); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : text.rfind(label, at - 1)) {
    if (at == 0 || text[at - 1] == '\n') return text.substr(at + label.size());
  }
  return std::nullopt;
}

RefinerAnswer check_answer(std::string_view answer, std::string_view prompt,
                           std::string_view feedback, std::string_view template_text) {
  RefinerAnswer out;
  const auto fail = [](std::string why) { return RefinerAnswer{"", std::nullopt, std::move(why)}; };
  const std::string_view whole = trimmed(answer);
  if (whole.empty()) return fail("the answer is empty");
  const std::size_t end = std::min(whole.find('\n'), whole.size());
  const std::string_view line = unquoted(trimmed(whole.substr(0, end)));
  const std::string_view rest = trimmed(whole.substr(end));

  if (std::string fault = fault_of_line(line); !fault.empty()) return fail(std::move(fault));
  if (!rest.empty()) {
    if (!starts_with_label(rest, kNegativeLabel) || rest.find('\n') != std::string_view::npos) {
      return fail("the answer has more than one line");
    }
    const std::string_view negative = trimmed(rest.substr(kNegativeLabel.size()));
    if (std::string fault = fault_of_line(negative); !fault.empty()) return fail(std::move(fault));
    out.negative = std::string(negative);
  }

  const auto user_wrote = [&](std::string_view part) {
    return prompt.find(part) != std::string_view::npos ||
           feedback.find(part) != std::string_view::npos;
  };
  std::vector<std::string> marks = labels_of(template_text);
  for (const char* mark : {"Negative:", "[INST]", "[/INST]", "<<SYS>>", "<|", "<s>", "</s>",
                           "<start_of_turn>", "<end_of_turn>"}) {
    marks.emplace_back(mark);
  }
  for (const std::string& mark : marks) {
    if (line.find(mark) != std::string_view::npos && !user_wrote(mark)) {
      return fail("the answer repeats the template (\"" + mark + "\")");
    }
  }
  const std::string said = words_only(line);
  if (said == words_only(feedback) && said != words_only(prompt)) {
    return fail("the answer repeats the feedback");
  }
  out.prompt = std::string(line);
  return out;
}

}  // namespace omr::llm
