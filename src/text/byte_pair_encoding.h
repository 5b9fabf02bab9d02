// Byte pair encoding of one word (Sennrich et al., arXiv 1508.07909) over GPT-2's byte alphabet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace omr::text {

struct BytePiece {
  std::int64_t id = 0;
  std::size_t bytes = 0;  // of the word, that it stands for
};

class BytePairEncoding {
 public:
  using Vocabulary = std::unordered_map<std::string, std::int64_t>;

  // `merges` in order of rank. Throws Error(format), naming `where`, when a merge speaks of pieces
  // that are not in the vocabulary.
  BytePairEncoding(const Vocabulary& vocabulary,
                   const std::vector<std::pair<std::string, std::string>>& merges,
                   std::int64_t unknown_id, const std::string& where);

  // Pieces of a word, whose last byte carries the end mark `</w>`. O(n log n).
  std::vector<BytePiece> encode(const std::string& word) const;

 private:
  struct Merge {
    std::uint32_t rank;
    std::uint32_t id;
  };

  std::vector<BytePiece> merge(std::string_view word) const;
  const Merge* find_merge(std::int64_t left, std::int64_t right) const;

  std::vector<std::int64_t> byte_ids_;       // of each byte within a word
  std::vector<std::int64_t> last_byte_ids_;  // of each byte at its end
  std::unordered_map<std::uint64_t, Merge> merges_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, std::vector<BytePiece>> cache_;
};

}  // namespace omr::text
