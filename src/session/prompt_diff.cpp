#include "omr/session/prompt_diff.h"

#include <cstdint>

#include "omr/session/words.h"

namespace omr::session {
namespace {

// Beyond this many words on a side the texts are shown as replaced: the table grows with their
// product.
constexpr std::size_t kMaxWords = 2048;

// Length of the longest common subsequence of the words from i and from j on.
class CommonTails {
 public:
  CommonTails(const std::vector<Word>& a, const std::vector<Word>& b)
      : width_(b.size() + 1), lengths_((a.size() + 1) * width_, 0) {
    for (std::size_t i = a.size(); i-- > 0;) {
      for (std::size_t j = b.size(); j-- > 0;) {
        lengths_[i * width_ + j] = a[i].folded == b[j].folded
                                       ? at(i + 1, j + 1) + 1
                                       : std::max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  std::uint16_t at(std::size_t i, std::size_t j) const { return lengths_[i * width_ + j]; }

 private:
  std::size_t width_;
  std::vector<std::uint16_t> lengths_;
};

// Words of one text, gathered into spans that keep the text's own spacing.
class Spans {
 public:
  void add(DiffKind kind, std::string_view text, const Word& word) {
    const std::string_view piece = text.substr(word.begin, word.end - word.begin);
    if (out.empty() || out.back().kind != kind) {
      out.push_back({kind, std::string(piece)});
    } else {
      const bool spaced = word.begin > last_end_;
      if (spaced) out.back().text += ' ';
      out.back().text += piece;
    }
    last_end_ = word.end;
  }
  std::vector<DiffSpan> out;

 private:
  std::size_t last_end_ = 0;
};

}  // namespace

std::vector<DiffSpan> diff_prompts(std::string_view before, std::string_view after) {
  const std::vector<Word> a = split_words(before);
  const std::vector<Word> b = split_words(after);
  if (a.size() > kMaxWords || b.size() > kMaxWords) {
    return {{DiffKind::deleted, std::string(before)}, {DiffKind::inserted, std::string(after)}};
  }
  const CommonTails tails(a, b);
  Spans spans;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i].folded == b[j].folded) {
      spans.add(DiffKind::kept, after, b[j++]);
      ++i;
    } else if (j == b.size() || (i < a.size() && tails.at(i + 1, j) >= tails.at(i, j + 1))) {
      spans.add(DiffKind::deleted, before, a[i++]);
    } else {
      spans.add(DiffKind::inserted, after, b[j++]);
    }
  }
  return spans.out;
}

}  // namespace omr::session
