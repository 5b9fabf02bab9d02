#include "schedulers/seed_sequence.h"

namespace omr::schedulers {
namespace {

constexpr std::uint32_t kShift = 16;

// A multiplicative hash whose multiplier changes from word to word.
class WordHash {
 public:
  WordHash(std::uint32_t initial, std::uint32_t multiplier)
      : state_(initial), multiplier_(multiplier) {}

  std::uint32_t operator()(std::uint32_t word) {
    word ^= state_;
    state_ *= multiplier_;
    word *= state_;
    return word ^ (word >> kShift);
  }

 private:
  std::uint32_t state_, multiplier_;
};

std::uint32_t mix(std::uint32_t into, std::uint32_t word) {
  const std::uint32_t mixed = 0xca01f9ddu * into - 0x4973f715u * word;
  return mixed ^ (mixed >> kShift);
}

}  // namespace

std::vector<std::uint32_t> seed_sequence(std::uint64_t entropy,
                                         const std::vector<std::uint32_t>& spawn_key,
                                         std::size_t pool_size, std::size_t count) {
  std::vector<std::uint32_t> words = {static_cast<std::uint32_t>(entropy)};
  if (entropy >> 32 != 0) words.push_back(static_cast<std::uint32_t>(entropy >> 32));
  if (!spawn_key.empty() && words.size() < pool_size) words.resize(pool_size, 0);
  words.insert(words.end(), spawn_key.begin(), spawn_key.end());

  WordHash absorb(0x43b0d7e5u, 0x931e8875u);
  std::vector<std::uint32_t> pool(pool_size);
  for (std::size_t i = 0; i < pool_size; ++i) pool[i] = absorb(i < words.size() ? words[i] : 0);
  for (std::size_t from = 0; from < pool_size; ++from) {
    for (std::size_t to = 0; to < pool_size; ++to) {
      if (from != to) pool[to] = mix(pool[to], absorb(pool[from]));
    }
  }
  for (std::size_t from = pool_size; from < words.size(); ++from) {
    for (std::uint32_t& word : pool) word = mix(word, absorb(words[from]));
  }

  WordHash emit(0x8b51f9ddu, 0x58f38dedu);
  std::vector<std::uint32_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = emit(pool[i % pool_size]);
  return out;
}

}  // namespace omr::schedulers
