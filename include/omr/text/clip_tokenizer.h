// CLIP's byte-level BPE tokenizer, id for id as transformers' CLIPTokenizer
// (transformers/models/clip/tokenization_clip.py): special tokens are cut out first, then NFC,
// white space to one space, lower case, CLIP's split pattern, GPT-2's byte alphabet, and merges
// with
// `</w>` at each word's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace omr::text {

struct Token {
  std::int64_t id = 0;
  // Bytes of the original text that it stands for; end is exclusive. Both are 0 for bos, both are
  // the text's size for eos. A token that holds part of a character spans the whole character.
  std::size_t begin = 0;
  std::size_t end = 0;
};

// One text as the text encoder takes it.
struct Encoding {
  std::vector<std::int64_t> ids;   // model_max_length of them: bos, tokens, eos, padding
  std::vector<Token> tokens;       // bos, tokens, eos; tokens[i].id == ids[i]
  std::size_t dropped_tokens = 0;  // that did not fit
  std::size_t kept_bytes =
      0;  // bytes of the text that the kept tokens cover; its size when all fit
};

class CLIPTokenizer {
 public:
  // A folder with vocab.json and merges.txt, or with tokenizer.json; the special tokens are read
  // from tokenizer_config.json and special_tokens_map.json. Throws Error(io) for a missing file,
  // Error(format) for one that is not what it should be, Error(mismatch) for another kind of
  // tokenizer.
  // `pad_token` stands where they name none; empty: <|endoftext|>, as transformers has it.
  static CLIPTokenizer from_folder(const std::filesystem::path& folder,
                                   const std::string& pad_token = "");

  // All tokens of the text, without bos and eos. Time is near linear in the text's length. Throws
  // Error(usage) when the text is not UTF-8.
  std::vector<Token> tokenize(std::string_view text) const;

  // bos, tokens, eos, cut and padded to `length`, or to model_max_length when it is 0; as
  // padding="max_length", truncation=True. Throws Error(usage) as tokenize does.
  Encoding encode(std::string_view text, std::int64_t length = 0) const;

  std::int64_t bos_token_id() const;
  std::int64_t eos_token_id() const;
  std::int64_t pad_token_id() const;
  std::int64_t vocab_size() const;        // largest id + 1
  std::int64_t model_max_length() const;  // 77 where the files do not say

 private:
  struct State;
  explicit CLIPTokenizer(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;  // immutable but for a cache behind a lock
};

}  // namespace omr::text
