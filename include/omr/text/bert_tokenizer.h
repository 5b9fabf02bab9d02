// BERT's uncased WordPiece tokenizer, id for id as transformers' BertTokenizer with do_lower_case
// (transformers/models/bert/tokenization_bert.py; Devlin et al., arXiv 1810.04805): control
// characters dropped, Chinese characters set apart, lower case without accents, words and
// punctuation, then the longest pieces from the left, `##` before those within a word.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace omr::text {

class BertTokenizer {
 public:
  // vocab.txt: a piece a line, its number the id; it must hold [CLS], [SEP] and [UNK]. Throws
  // Error(io), Error(format).
  static BertTokenizer open(const std::filesystem::path& vocabulary);

  // [CLS], pieces, [SEP]; cut to `length` in all. What looks like a special token in the text is
  // text. Throws Error(usage) when the text is not UTF-8.
  std::vector<std::int64_t> encode(std::string_view text, std::size_t length) const;

  std::int64_t vocab_size() const;

 private:
  struct State;
  explicit BertTokenizer(std::shared_ptr<const State> state);

  std::shared_ptr<const State> state_;
};

}  // namespace omr::text
