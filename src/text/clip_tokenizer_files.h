// What the files of a CLIP tokenizer say, old and new layouts alike.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "text/added_tokens.h"
#include "text/byte_pair_encoding.h"

namespace omr::text {

struct CLIPTokenizerFiles {
  BytePairEncoding::Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;
  std::vector<AddedToken> added_tokens;
  std::int64_t bos_token_id = 0;
  std::int64_t eos_token_id = 0;
  std::int64_t unk_token_id = 0;
  std::int64_t pad_token_id = 0;
  std::int64_t model_max_length = 77;
  std::int64_t vocab_size = 0;  // largest id + 1
};

// Which file wins where several speak: as PreTrainedTokenizerBase._from_pretrained in transformers.
// tokenizer.json's vocabulary before vocab.json's; added_tokens_decoder of tokenizer_config.json
// before special_tokens_map.json and tokenizer.json's added_tokens. Throws as
// CLIPTokenizer::from_folder.
CLIPTokenizerFiles read_clip_tokenizer_files(const std::filesystem::path& folder,
                                             const std::string& pad_token = "");

}  // namespace omr::text
