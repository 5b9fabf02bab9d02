#include "text/clip_pattern.h"

#include <array>
#include <string_view>

namespace omr::text {
namespace {

constexpr std::array<std::u32string_view, 2> kMarks = {U"<|startoftext|>", U"<|endoftext|>"};
constexpr std::array<std::u32string_view, 7> kContractions = {U"'s", U"'t",  U"'re", U"'ve",
                                                              U"'m", U"'ll", U"'d"};
constexpr std::size_t kMarkBracket = 2;  // characters of "<|" and of "|>"

bool starts_with(std::span<const Character> text, std::u32string_view literal) {
  if (text.size() < literal.size()) return false;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (text[i].code != literal[i]) return false;
  }
  return true;
}

template <std::size_t n>
std::size_t match_any(std::span<const Character> text,
                      const std::array<std::u32string_view, n>& literals) {
  for (std::u32string_view literal : literals) {
    if (starts_with(text, literal)) return literal.size();
  }
  return 0;
}

template <typename Predicate>
std::size_t match_run(std::span<const Character> text, Predicate is_member) {
  std::size_t length = 0;
  while (length < text.size() && is_member(text[length].code)) ++length;
  return length;
}

}  // namespace

std::vector<std::span<const Character>> split_clip_words(std::span<const Character> text) {
  std::vector<std::span<const Character>> words;
  while (!text.empty()) {
    if (is_space(text[0].code)) {
      text = text.subspan(1);
      continue;
    }
    std::size_t length = match_any(text, kMarks);
    if (length != 0) {
      words.push_back(text.first(kMarkBracket));
      words.push_back(text.subspan(kMarkBracket, length - 2 * kMarkBracket));
      words.push_back(text.subspan(length - kMarkBracket, kMarkBracket));
      text = text.subspan(length);
      continue;
    }
    length = match_any(text, kContractions);
    if (length == 0) length = match_run(text, is_letter);
    if (length == 0 && is_number(text[0].code)) length = 1;
    if (length == 0) {
      length = match_run(text, [](char32_t code) {
        return !is_space(code) && !is_letter(code) && !is_number(code);
      });
    }
    words.push_back(text.first(length));
    text = text.subspan(length);
  }
  return words;
}

}  // namespace omr::text
