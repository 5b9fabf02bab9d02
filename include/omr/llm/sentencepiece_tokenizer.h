// A sentencepiece model (tokenizer.model) as Llama-family models use it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace omr::llm {

class SentencePieceTokenizer {
 public:
  // Reads a tokenizer.model of at most 16 MiB. Throws Error(io) when it cannot be read,
  // Error(format) when it is not a sentencepiece model.
  static SentencePieceTokenizer open(const std::filesystem::path& file);

  // sentencepiece's own encoding of plain text, which is what transformers' LlamaTokenizer gives
  // for it: pieces never span or are control symbols, `<s>` in the text is text. Throws
  // Error(usage) when the text is not UTF-8.
  std::vector<std::int64_t> encode(std::string_view text, bool add_bos = false) const;

  // Text of ids that a model generated, as transformers' decode(ids, skip_special_tokens=True):
  // control symbols and ids that are no piece (a model's vocabulary may be padded) vanish, bytes
  // join to UTF-8 (ill-formed ones become U+FFFD), the space that begins the first word is dropped.
  std::string decode(const std::vector<std::int64_t>& ids) const;

  std::int64_t piece_count() const;
  std::int64_t bos_id() const;  // -1 where the model has none
  std::int64_t eos_id() const;  // likewise
  bool is_control(std::int64_t id) const;
  std::int64_t piece_to_id(std::string_view piece) const;  // -1 for no such piece

 private:
  struct State;  // keeps sentencepiece's headers out of every other file
  explicit SentencePieceTokenizer(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;
};

}  // namespace omr::llm
