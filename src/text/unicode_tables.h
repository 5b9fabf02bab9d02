// The parts of the Unicode character database that CLIP's tokenizer needs. All sorted by first
// member.
#pragma once

#include <cstdint>
#include <span>

namespace omr::text {

struct CodePointRange {
  char32_t first, last;
};

// Code points first, first + stride, … last; lower case is that much further on.
struct LowerRun {
  char32_t first, last;
  std::uint32_t stride;
  std::int32_t delta;
};

struct CombiningRange {
  char32_t first, last;
  std::uint8_t combining_class;
};

// A full canonical decomposition: decomposed()[at], … without Hangul syllables, which follow a
// formula.
struct Decomposition {
  char32_t code_point;
  std::uint16_t at;
  std::uint8_t length;
};

struct Composition {
  char32_t first, second, composed;
};

std::span<const CodePointRange> letters();           // \p{L}
std::span<const CodePointRange> numbers();           // \p{N}
std::span<const CodePointRange> spaces();            // \s
std::span<const CodePointRange> punctuation();       // \p{P}
std::span<const CodePointRange> nonspacing_marks();  // \p{Mn}
std::span<const LowerRun> lower_runs();
std::span<const CombiningRange> combining_classes();
std::span<const Decomposition> decompositions();
std::span<const char32_t> decomposed();
std::span<const Composition> compositions();

}  // namespace omr::text
