#include "text/byte_pair_encoding.h"

#include <array>
#include <queue>
#include <tuple>

#include "omr/core/error.h"
#include "omr/core/utf8.h"

namespace omr::text {
namespace {

constexpr std::string_view kEndOfWord = "</w>";
constexpr std::size_t kCachedWordBytes = 64;
constexpr std::size_t kCachedWords = 20000;

// GPT-2's alphabet: a printable character for each byte (bytes_to_unicode in openai/gpt-2's
// encoder.py). Printable Latin-1 stands for itself, the other bytes get U+0100 onwards.
std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append_utf8(alphabet[byte], printable ? static_cast<char32_t>(byte) : next++);
  }
  return alphabet;
}

std::uint64_t pair_key(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
}

}  // namespace

BytePairEncoding::BytePairEncoding(const Vocabulary& vocabulary,
                                   const std::vector<std::pair<std::string, std::string>>& merges,
                                   std::int64_t unknown_id, const std::string& where) {
  const auto id_or_unknown = [&](const std::string& piece) {
    const auto found = vocabulary.find(piece);
    return found == vocabulary.end() ? unknown_id : found->second;
  };
  for (const std::string& character : byte_alphabet()) {
    byte_ids_.push_back(id_or_unknown(character));
    last_byte_ids_.push_back(id_or_unknown(character + std::string(kEndOfWord)));
  }
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const auto id = [&](const std::string& piece) {
      const auto found = vocabulary.find(piece);
      if (found == vocabulary.end()) {
        throw Error(ErrorKind::format, where + ": merge " + std::to_string(rank + 1) + " (\"" +
                                           printable(left + " " + right) +
                                           "\") needs the piece \"" + printable(piece) +
                                           "\", which the vocabulary lacks");
      }
      return found->second;
    };
    merges_[pair_key(id(left), id(right))] = {static_cast<std::uint32_t>(rank),
                                              static_cast<std::uint32_t>(id(left + right))};
  }
}

const BytePairEncoding::Merge* BytePairEncoding::find_merge(std::int64_t left,
                                                            std::int64_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::vector<BytePiece> BytePairEncoding::encode(const std::string& word) const {
  if (word.size() > kCachedWordBytes) return merge(word);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = cache_.find(word); found != cache_.end()) return found->second;
  }
  std::vector<BytePiece> pieces = merge(word);
  const std::lock_guard lock(mutex_);
  if (cache_.size() >= kCachedWords) cache_.clear();
  cache_.emplace(word, pieces);
  return pieces;
}

std::vector<BytePiece> BytePairEncoding::merge(std::string_view word) const {
  // Symbols are a linked list inside an array; candidates wait in a heap ordered by rank and place,
  // and are checked when they come up, as either side may have been merged away meanwhile.
  struct Symbol {
    std::int64_t id;
    std::size_t bytes;
    std::size_t previous, next;
  };
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool last = i + 1 == word.size();
    const auto byte = static_cast<std::uint8_t>(word[i]);
    symbols.push_back({(last ? last_byte_ids_ : byte_ids_)[byte], 1, i == 0 ? kNone : i - 1,
                       last ? kNone : i + 1});
  }

  using Candidate = std::tuple<std::uint32_t, std::size_t, std::uint32_t>;  // rank, place, new id
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto propose = [&](std::size_t left) {
    if (left == kNone || symbols[left].next == kNone) return;
    const Merge* found = find_merge(symbols[left].id, symbols[symbols[left].next].id);
    if (found != nullptr) candidates.emplace(found->rank, left, found->id);
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) propose(i);
  while (!candidates.empty()) {
    const auto [rank, at, id] = candidates.top();
    candidates.pop();
    Symbol& left = symbols[at];
    if (left.bytes == 0 || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    const Merge* found = find_merge(left.id, right.id);
    if (found == nullptr || found->id != id) continue;
    left.id = id;
    left.bytes += right.bytes;
    right.bytes = 0;
    left.next = right.next;
    if (left.next != kNone) symbols[left.next].previous = at;
    propose(left.previous);
    propose(at);
  }

  std::vector<BytePiece> pieces;
  for (std::size_t i = symbols.empty() ? kNone : 0; i != kNone; i = symbols[i].next) {
    pieces.push_back({symbols[i].id, symbols[i].bytes});
  }
  return pieces;
}

}  // namespace omr::text
