#include "text/added_tokens.h"

#include <algorithm>
#include <utility>

namespace omr::text {

AddedTokenMatcher::AddedTokenMatcher(std::vector<Pattern> patterns)
    : patterns_(std::move(patterns)) {
  std::erase_if(patterns_, [](const Pattern& pattern) { return pattern.content.empty(); });
  std::stable_sort(patterns_.begin(), patterns_.end(), [](const Pattern& a, const Pattern& b) {
    return a.content.size() > b.content.size();
  });
}

const AddedTokenMatcher::Pattern* AddedTokenMatcher::match_at(const Characters& text,
                                                              std::size_t at) const {
  for (const Pattern& pattern : patterns_) {
    const std::size_t size = pattern.content.size();
    if (size > text.size() - at || text[at].code != pattern.content[0]) continue;
    const bool equal = std::equal(pattern.content.begin(), pattern.content.end(), text.begin() + at,
                                  [](char32_t a, const Character& b) { return a == b.code; });
    if (equal) return &pattern;
  }
  return nullptr;
}

std::vector<Stretch> AddedTokenMatcher::split(const Characters& text) const {
  std::vector<Stretch> out;
  std::size_t plain = 0;  // begin of the text not yet given out
  const auto give_out = [&](std::int64_t id, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    out.push_back({id, Characters(text.begin() + begin, text.begin() + end)});
  };
  for (std::size_t at = 0; at < text.size();) {
    const Pattern* pattern = match_at(text, at);
    if (pattern == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + pattern->content.size();
    while (pattern->lstrip && begin > plain && is_space(text[begin - 1].code)) --begin;
    while (pattern->rstrip && end < text.size() && is_space(text[end].code)) ++end;
    give_out(-1, plain, begin);
    give_out(pattern->id, begin, end);
    plain = at = end;
  }
  give_out(-1, plain, text.size());
  return out;
}

}  // namespace omr::text
