// AUTOMATIC1111's attention grammar: (a) is a × 1.1, (a:1.3) is a × 1.3, [a] is a ÷ 1.1, nested
// ones multiply, a backslash takes a bracket literally. Rules as modules/prompt_parser.py,
// parse_prompt_attention, in AUTOMATIC1111/stable-diffusion-webui.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace omr::text {

// Bytes [begin, end) of the plain text.
struct WeightedSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  double weight = 1.0;
};

struct WeightedPrompt {
  std::string text;                 // without brackets and weights: what the encoder sees
  std::vector<WeightedSpan> spans;  // in order, without gaps, neighbours of different weight
  // Bytes of `text` at which a new chunk of tokens begins whether or not the last one is full:
  // where the keyword BREAK stood. A blank stands in its place.
  std::vector<std::size_t> breaks;
};

// Never fails: an unclosed bracket closes at the end, a stray closing one is text, and so is a
// weight that is not a number or not finite.
WeightedPrompt parse_prompt_weights(std::string_view prompt);

}  // namespace omr::text
