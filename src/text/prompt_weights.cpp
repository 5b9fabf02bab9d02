#include "omr/text/prompt_weights.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace omr::text {
namespace {

constexpr double kBracketWeight = 1.1;

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

struct WeightSuffix {
  double weight;
  std::size_t end;  // behind the closing bracket
};

// `:1.3)` with blanks allowed around the number, at `prompt[at]`.
std::optional<WeightSuffix> match_weight(std::string_view prompt, std::size_t at) {
  if (prompt[at] != ':') return std::nullopt;
  std::size_t begin = at + 1;
  while (begin < prompt.size() && is_blank(prompt[begin])) ++begin;
  std::size_t end = begin;
  if (end < prompt.size() && (prompt[end] == '+' || prompt[end] == '-')) ++end;
  while (end < prompt.size() && (prompt[end] == '.' || (prompt[end] >= '0' && prompt[end] <= '9')))
    ++end;
  std::size_t close = end;
  while (close < prompt.size() && is_blank(prompt[close])) ++close;
  if (close == prompt.size() || prompt[close] != ')') return std::nullopt;
  if (prompt[begin] == '+') ++begin;  // from_chars takes none
  double weight = 0;
  const auto [stop, error] = std::from_chars(prompt.data() + begin, prompt.data() + end, weight);
  if (error != std::errc() || stop != prompt.data() + end || !std::isfinite(weight))
    return std::nullopt;
  return WeightSuffix{weight, close + 1};
}

// The first BREAK that is a word of its own, with the blanks around it: [begin, end).
std::optional<std::pair<std::size_t, std::size_t>> find_break(std::string_view text) {
  constexpr std::string_view kBreak = "BREAK";
  const auto in_word = [&](std::size_t at) {
    const char c = at < text.size() ? text[at] : ' ';
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  std::size_t at = text.find(kBreak);
  while (at != std::string_view::npos &&
         ((at > 0 && in_word(at - 1)) || in_word(at + kBreak.size()))) {
    at = text.find(kBreak, at + 1);
  }
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t begin = at, end = at + kBreak.size();
  while (begin > 0 && is_blank(text[begin - 1])) --begin;
  while (end < text.size() && is_blank(text[end])) ++end;
  return std::pair(begin, end);
}

void add(WeightedPrompt& out, std::string_view text, double weight) {
  if (text.empty()) return;
  const std::size_t begin = out.text.size();
  out.text += text;
  if (!out.spans.empty() && out.spans.back().weight == weight) {
    out.spans.back().end = out.text.size();
  } else {
    out.spans.push_back({begin, out.text.size(), weight});
  }
}

class Parser {
 public:
  WeightedPrompt parse(std::string_view prompt) {
    for (std::size_t at = 0; at < prompt.size();) at = step(prompt, at);
    for (std::size_t start : round_) multiply(start, kBracketWeight);
    for (std::size_t start : square_) multiply(start, 1 / kBracketWeight);

    WeightedPrompt out;
    for (const Piece& piece : pieces_) {
      std::string_view rest = piece.text;
      while (const auto keyword = find_break(rest)) {
        add(out, rest.substr(0, keyword->first), piece.weight);
        // Words must not run together where the keyword was.
        if (!out.text.empty()) add(out, " ", piece.weight);
        out.breaks.push_back(out.text.size());
        rest.remove_prefix(keyword->second);
      }
      add(out, rest, piece.weight);
    }
    return out;
  }

 private:
  struct Piece {
    std::string_view text;
    double weight = 1.0;
  };

  // Reads one thing at `at` and returns where the next begins.
  std::size_t step(std::string_view prompt, std::size_t at) {
    const char c = prompt[at];
    if (c == '\\') {
      const bool escapes = at + 1 < prompt.size() && std::string_view("()[]\\").find(
                                                         prompt[at + 1]) != std::string_view::npos;
      if (!escapes) return at + 1;  // a lone backslash vanishes
      pieces_.push_back({prompt.substr(at + 1, 1)});
      return at + 2;
    }
    if (c == '(' || c == '[') {
      (c == '(' ? round_ : square_).push_back(pieces_.size());
      return at + 1;
    }
    if (c == ')' && !round_.empty()) {
      close(round_, kBracketWeight);
      return at + 1;
    }
    if (c == ']' && !square_.empty()) {
      close(square_, 1 / kBracketWeight);
      return at + 1;
    }
    if (const auto suffix = match_weight(prompt, at); suffix && !round_.empty()) {
      close(round_, suffix->weight);
      return suffix->end;
    }
    std::size_t end = prompt.find_first_of("\\()[]:", at + 1);
    if (end == std::string_view::npos) end = prompt.size();
    pieces_.push_back({prompt.substr(at, end - at)});
    return end;
  }

  void close(std::vector<std::size_t>& open, double weight) {
    multiply(open.back(), weight);
    open.pop_back();
  }

  void multiply(std::size_t start, double weight) {
    for (std::size_t i = start; i < pieces_.size(); ++i) pieces_[i].weight *= weight;
  }

  std::vector<Piece> pieces_;
  std::vector<std::size_t> round_, square_;  // first piece inside each open bracket
};

}  // namespace

WeightedPrompt parse_prompt_weights(std::string_view prompt) { return Parser().parse(prompt); }

}  // namespace omr::text
