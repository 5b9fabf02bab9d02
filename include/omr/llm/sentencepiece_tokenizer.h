// A sentencepiece model (tokenizer.model) as Llama-family models use it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace omr::llm {

class SentencePieceTokenizer {
 public:
  // Reads a tokenizer.model of at most 16 MiB. Throws Error(io) when it cannot be read,
  // Error(format) when it is not a sentencepiece model.
  static SentencePieceTokenizer open(const std::filesystem::path& file);

  // tokenizer.model of a model's folder, with the tokens that tokenizer_config.json
  // (added_tokens_decoder) and added_tokens.json declare. Throws also Error(mismatch) where the
  // folder has a tokenizer.json alone.
  static SentencePieceTokenizer of_folder(const std::filesystem::path& folder);

  // sentencepiece's own encoding of plain text, which is what transformers' LlamaTokenizer gives
  // for it. No piece of it is a special token: `<s>` and `<start_of_turn>` in the text are text.
  // Throws Error(usage) when the text is not UTF-8.
  std::vector<std::int64_t> encode(std::string_view text, bool add_bos = false) const;

  // The same for text that follows a special token, where no space is put before it, unless the
  // folder's tokenizer_config.json says `legacy`.
  std::vector<std::int64_t> encode_after_special(std::string_view text) const;

  // The first special token that is written out in `text` from byte `from` on; of those that begin
  // there the longest. Special are the model's control symbols and what the folder declares.
  struct SpecialToken {
    std::size_t begin = 0, end = 0;  // bytes of the text
    std::int64_t id = 0;
  };
  std::optional<SpecialToken> find_special(std::string_view text, std::size_t from = 0) const;
  std::int64_t special_id(std::string_view token) const;  // -1 for no such token

  // Text of ids that a model generated, as transformers' decode(ids, skip_special_tokens=True):
  // special tokens and ids that are no piece (a model's vocabulary may be padded) vanish, bytes
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

  static std::shared_ptr<State> load(const std::filesystem::path& file);
  std::vector<std::int64_t> encode_text(std::string_view text, bool begins) const;

  std::shared_ptr<const State> state_;
};

}  // namespace omr::llm
