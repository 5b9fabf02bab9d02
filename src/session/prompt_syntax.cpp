#include "omr/session/prompt_syntax.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "omr/session/words.h"

namespace omr::session {
namespace {

constexpr double kBracket = 1.1;

struct WeightSuffix {
  double weight = 1;
  std::size_t end = 0;  // behind the closing bracket
};

// ": 1.3 )" at `at`.
std::optional<WeightSuffix> weight_suffix(std::string_view prompt, std::size_t at) {
  const auto skip_spaces = [&] {
    while (at < prompt.size() && prompt[at] == ' ') ++at;
  };
  ++at;
  skip_spaces();
  const std::size_t sign = at;
  if (at < prompt.size() && (prompt[at] == '+' || prompt[at] == '-')) ++at;
  const std::size_t digits = at;
  while (at < prompt.size() && (prompt[at] == '.' || (prompt[at] >= '0' && prompt[at] <= '9')))
    ++at;
  double weight = 0;
  const auto [end, code] = std::from_chars(prompt.data() + digits, prompt.data() + at, weight);
  if (digits == at || code != std::errc() || end != prompt.data() + at) return std::nullopt;
  if (prompt[sign] == '-') weight = -weight;
  skip_spaces();
  if (at >= prompt.size() || prompt[at] != ')') return std::nullopt;
  return WeightSuffix{weight, at + 1};
}

std::string escaped(std::string_view plain) {
  std::string out;
  for (const char c : plain) {
    if (c == '(' || c == ')' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string shortest(double number) {
  char text[32];
  // Nested brackets give 1.2100000000000002; nobody means that.
  const double rounded = std::round(number * 1e4) / 1e4;
  return std::string(text, std::to_chars(text, text + sizeof text, rounded).ptr);
}

// Where the words of `piece` stand in `words`, from word `from` on.
std::optional<std::size_t> find_words(const std::vector<Word>& words,
                                      const std::vector<Word>& piece) {
  const auto found = std::search(words.begin(), words.end(), piece.begin(), piece.end(),
                                 [](const Word& a, const Word& b) { return a.folded == b.folded; });
  if (piece.empty() || found == words.end()) return std::nullopt;
  return found - words.begin();
}

}  // namespace

PlainPrompt parse_weights(std::string_view prompt) {
  PlainPrompt plain;
  std::vector<std::size_t> round_brackets;  // where in plain.text they opened
  std::vector<std::size_t> square_brackets;
  const auto add = [&](char c) {
    plain.text += c;
    plain.weights.push_back(1.0);
  };
  const auto close = [&](std::vector<std::size_t>& open, double weight) {
    for (std::size_t i = open.back(); i < plain.weights.size(); ++i) plain.weights[i] *= weight;
    open.pop_back();
  };
  for (std::size_t at = 0; at < prompt.size();) {
    const char c = prompt[at];
    if (c == '\\') {
      static constexpr std::string_view kEscapable = "()[]\\";
      if (at + 1 < prompt.size() && kEscapable.find(prompt[at + 1]) != std::string_view::npos) {
        add(prompt[++at]);
      }
    } else if (c == '(') {
      round_brackets.push_back(plain.text.size());
    } else if (c == '[') {
      square_brackets.push_back(plain.text.size());
    } else if (c == ':' && !round_brackets.empty() && weight_suffix(prompt, at)) {
      const WeightSuffix suffix = *weight_suffix(prompt, at);
      close(round_brackets, suffix.weight);
      at = suffix.end;
      continue;
    } else if (c == ')' && !round_brackets.empty()) {
      close(round_brackets, kBracket);
    } else if (c == ']' && !square_brackets.empty()) {
      close(square_brackets, 1 / kBracket);
    } else {
      add(c);
    }
    ++at;
  }
  while (!round_brackets.empty()) close(round_brackets, kBracket);
  while (!square_brackets.empty()) close(square_brackets, 1 / kBracket);
  plain.has_weights = std::any_of(plain.weights.begin(), plain.weights.end(),
                                  [](double weight) { return weight != 1.0; });
  return plain;
}

std::string carry_weights(const PlainPrompt& before, const std::string& plain) {
  struct Group {
    std::size_t begin;
    std::size_t end;
    double weight;
  };
  std::vector<Group> groups;
  const std::vector<Word> words = split_words(plain);
  for (std::size_t i = 0; i < before.text.size();) {
    std::size_t end = i + 1;
    while (end < before.text.size() && before.weights[end] == before.weights[i]) ++end;
    if (before.weights[i] != 1.0) {
      const std::vector<Word> piece = split_words(before.text.substr(i, end - i));
      if (const auto at = find_words(words, piece)) {
        groups.push_back({words[*at].begin, words[*at + piece.size() - 1].end, before.weights[i]});
      }
    }
    i = end;
  }
  std::sort(groups.begin(), groups.end(),
            [](const Group& a, const Group& b) { return a.begin < b.begin; });
  std::string out;
  std::size_t at = 0;
  for (const Group& group : groups) {
    if (group.begin < at) continue;
    out += escaped(plain.substr(at, group.begin - at));
    out += '(';
    out += escaped(plain.substr(group.begin, group.end - group.begin));
    out += ':' + shortest(group.weight) + ')';
    at = group.end;
  }
  return out + escaped(plain.substr(at));
}

}  // namespace omr::session
