#include "omr/text/prompt_chunks.h"

#include <utility>

namespace omr::text {
namespace {

constexpr std::size_t kCommaBacktrack = 20;

class Chunker {
 public:
  explicit Chunker(std::size_t room) : room_(room) {}

  void take(const Token& token, bool is_comma) {
    if (is_comma) {
      behind_comma_ = chunk_.size() + 1;
    } else if (chunk_.size() == room_ && behind_comma_ > 0 &&
               chunk_.size() - (behind_comma_ - 1) <= kCommaBacktrack) {
      std::vector<Token> moved(chunk_.begin() + static_cast<std::ptrdiff_t>(behind_comma_),
                               chunk_.end());
      chunk_.resize(behind_comma_);
      finish();
      chunk_ = std::move(moved);
    }
    if (chunk_.size() == room_) finish();
    chunk_.push_back(token);
  }

  void finish() {
    chunks_.push_back(std::exchange(chunk_, {}));
    behind_comma_ = 0;
  }

  std::vector<std::vector<Token>> chunks() {
    if (!chunk_.empty() || chunks_.empty()) finish();
    return std::move(chunks_);
  }

 private:
  std::size_t room_;
  std::vector<Token> chunk_;
  std::size_t behind_comma_ = 0;  // tokens up to and with the chunk's last comma; 0: none
  std::vector<std::vector<Token>> chunks_;
};

}  // namespace

std::vector<Encoding> encode_in_chunks(const CLIPTokenizer& tokenizer, std::string_view text,
                                       const std::vector<std::size_t>& breaks) {
  const auto length = static_cast<std::size_t>(tokenizer.model_max_length());
  const std::vector<Token> tokens = tokenizer.tokenize(text);
  // A window of bos and eos alone could never be done with a text.
  if (length < 3 || (breaks.empty() && tokens.size() + 2 <= length))
    return {tokenizer.encode(text)};
  Chunker chunker(length - 2);
  auto next_break = breaks.begin();
  for (const Token& token : tokens) {
    for (; next_break != breaks.end() && token.begin >= *next_break; ++next_break) chunker.finish();
    chunker.take(token, text.substr(token.begin, token.end - token.begin) == ",");
  }
  std::vector<Encoding> out;
  for (std::vector<Token>& chunk : chunker.chunks()) {
    Encoding encoding;
    encoding.kept_bytes = text.size();
    encoding.tokens.push_back({tokenizer.bos_token_id(), 0, 0});
    encoding.tokens.insert(encoding.tokens.end(), chunk.begin(), chunk.end());
    encoding.tokens.push_back({tokenizer.eos_token_id(), text.size(), text.size()});
    for (const Token& token : encoding.tokens) encoding.ids.push_back(token.id);
    encoding.ids.resize(length, tokenizer.pad_token_id());
    out.push_back(std::move(encoding));
  }
  return out;
}

}  // namespace omr::text
