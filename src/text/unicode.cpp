#include "text/unicode.h"

#include <algorithm>
#include <span>
#include <unordered_map>

#include "omr/core/utf8.h"

#include "text/unicode_tables.h"

namespace omr::text {
namespace {

// The range that holds `code`, or null.
template <typename Range>
const Range* find_range(std::span<const Range> table, char32_t code) {
  const auto next =
      std::upper_bound(table.begin(), table.end(), code,
                       [](char32_t c, const Range& range) { return c < range.first; });
  if (next == table.begin()) return nullptr;
  const Range& range = *std::prev(next);
  return code <= range.last ? &range : nullptr;
}

std::uint8_t combining_class(char32_t code) {
  if (code < 0x300) return 0;
  const CombiningRange* range = find_range(combining_classes(), code);
  return range == nullptr ? 0 : range->combining_class;
}

// Hangul syllables by formula: The Unicode Standard, section 3.12.
constexpr char32_t kHangulBase = 0xAC00, kLeadBase = 0x1100, kVowelBase = 0x1161,
                   kTailBase = 0x11A7;
constexpr char32_t kLeads = 19, kVowels = 21, kTails = 28, kSyllables = kLeads * kVowels * kTails;

void append_decomposed(Characters& out, const Character& character) {
  const auto add = [&](char32_t code) { out.push_back({code, character.begin, character.end}); };
  const char32_t code = character.code;
  if (code < 0xC0) return add(code);
  if (code >= kHangulBase && code < kHangulBase + kSyllables) {
    const char32_t index = code - kHangulBase;
    add(kLeadBase + index / (kVowels * kTails));
    add(kVowelBase + index / kTails % kVowels);
    if (index % kTails != 0) add(kTailBase + index % kTails);
    return;
  }
  const auto table = decompositions();
  const auto found =
      std::lower_bound(table.begin(), table.end(), code,
                       [](const Decomposition& entry, char32_t c) { return entry.code_point < c; });
  if (found == table.end() || found->code_point != code) return add(code);
  for (char32_t part : decomposed().subspan(found->at, found->length)) add(part);
}

// The primary composite of two characters, or 0.
char32_t composed(char32_t first, char32_t second) {
  if (first >= kLeadBase && first < kLeadBase + kLeads && second >= kVowelBase &&
      second < kVowelBase + kVowels) {
    return kHangulBase + ((first - kLeadBase) * kVowels + (second - kVowelBase)) * kTails;
  }
  if (first >= kHangulBase && first < kHangulBase + kSyllables &&
      (first - kHangulBase) % kTails == 0 && second > kTailBase && second < kTailBase + kTails) {
    return first + (second - kTailBase);
  }
  const auto table = compositions();
  const auto found = std::lower_bound(table.begin(), table.end(), std::pair(first, second),
                                      [](const Composition& entry, const auto& key) {
                                        return std::pair(entry.first, entry.second) < key;
                                      });
  const bool fits = found != table.end() && found->first == first && found->second == second;
  return fits ? found->composed : 0;
}

}  // namespace

bool is_letter(char32_t code) { return find_range(letters(), code) != nullptr; }
bool is_number(char32_t code) { return find_range(numbers(), code) != nullptr; }
bool is_space(char32_t code) { return find_range(spaces(), code) != nullptr; }
bool is_punctuation(char32_t code) { return find_range(punctuation(), code) != nullptr; }

Characters decode_characters(std::string_view text, std::size_t offset) {
  Characters out;
  out.reserve(text.size());
  std::size_t at = offset;
  for (char32_t code : decode_utf8(text)) {
    const std::size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    out.push_back({code, at, at + length});
    at += length;
  }
  return out;
}

Characters strip_accents(const Characters& characters) {
  Characters parts;
  parts.reserve(characters.size());
  for (const Character& character : characters) append_decomposed(parts, character);
  std::erase_if(
      parts, [](const Character& c) { return find_range(nonspacing_marks(), c.code) != nullptr; });
  return parts;
}

Characters compose_nfc(const Characters& characters) {
  // Below U+0300 nothing combines and no composite decomposes for good.
  if (std::all_of(characters.begin(), characters.end(),
                  [](const Character& c) { return c.code < 0x300; })) {
    return characters;
  }
  Characters parts;
  parts.reserve(characters.size());
  for (const Character& character : characters) append_decomposed(parts, character);

  std::vector<std::uint8_t> classes(parts.size());
  std::transform(parts.begin(), parts.end(), classes.begin(),
                 [](const Character& c) { return combining_class(c.code); });
  for (std::size_t begin = 0; begin < parts.size();) {
    if (classes[begin] == 0) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < parts.size() && classes[end] != 0) ++end;
    std::stable_sort(parts.begin() + begin, parts.begin() + end,
                     [](const Character& a, const Character& b) {
                       return combining_class(a.code) < combining_class(b.code);
                     });
    for (std::size_t i = begin; i < end; ++i) classes[i] = combining_class(parts[i].code);
    begin = end;
  }

  Characters out;
  out.reserve(parts.size());
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t starter = kNone;  // in `out`
  int previous_class = -1;      // of what stands between starter and here; -1 for nothing
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int current_class = classes[i];
    if (starter != kNone && previous_class < current_class) {
      if (const char32_t code = composed(out[starter].code, parts[i].code); code != 0) {
        out[starter] = {code, std::min(out[starter].begin, parts[i].begin),
                        std::max(out[starter].end, parts[i].end)};
        continue;
      }
    }
    if (current_class == 0) {
      starter = out.size();
      previous_class = -1;
    } else {
      previous_class = current_class;
    }
    out.push_back(parts[i]);
  }
  return out;
}

Characters collapse_spaces(const Characters& characters) {
  Characters out;
  out.reserve(characters.size());
  bool after_space = false;
  for (const Character& character : characters) {
    const bool space = is_space(character.code);
    if (!space) {
      out.push_back(character);
    } else if (after_space) {
      out.back().end = character.end;
    } else {
      out.push_back({U' ', character.begin, character.end});
    }
    after_space = space;
  }
  return out;
}

Characters lower_case(const Characters& characters) {
  constexpr char32_t kDottedCapitalI = 0x130, kDotAbove = 0x307;
  Characters out;
  out.reserve(characters.size());
  for (Character character : characters) {
    if (character.code == kDottedCapitalI) {
      out.push_back({U'i', character.begin, character.end});
      character.code = kDotAbove;
    } else if (const LowerRun* run = find_range(lower_runs(), character.code);
               run != nullptr && (character.code - run->first) % run->stride == 0) {
      character.code =
          static_cast<char32_t>(static_cast<std::int64_t>(character.code) + run->delta);
    }
    out.push_back(character);
  }
  return out;
}

}  // namespace omr::text
