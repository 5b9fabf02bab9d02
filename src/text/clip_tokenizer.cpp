#include "omr/text/clip_tokenizer.h"

#include <algorithm>
#include <utility>

#include "omr/core/error.h"
#include "omr/core/utf8.h"

#include "text/added_tokens.h"
#include "text/byte_pair_encoding.h"
#include "text/clip_pattern.h"
#include "text/clip_tokenizer_files.h"
#include "text/unicode.h"

namespace omr::text {
namespace {

Characters normalize(const Characters& characters) {
  return lower_case(collapse_spaces(compose_nfc(characters)));
}

AddedTokenMatcher matcher_of(const std::vector<AddedToken>& tokens, bool normalized) {
  std::vector<AddedTokenMatcher::Pattern> patterns;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    Characters content = decode_characters(token.content);
    if (normalized) content = normalize(content);
    AddedTokenMatcher::Pattern pattern{{}, token.id, token.lstrip, token.rstrip};
    for (const Character& character : content) pattern.content += character.code;
    patterns.push_back(std::move(pattern));
  }
  return AddedTokenMatcher(std::move(patterns));
}

}  // namespace

struct CLIPTokenizer::State {
  State(const CLIPTokenizerFiles& read, const std::string& where)
      : bos_token_id(read.bos_token_id),
        eos_token_id(read.eos_token_id),
        pad_token_id(read.pad_token_id),
        vocab_size(read.vocab_size),
        model_max_length(read.model_max_length),
        encoding(read.vocabulary, read.merges, read.unk_token_id, where),
        verbatim(matcher_of(read.added_tokens, false)),
        normalized(matcher_of(read.added_tokens, true)) {}

  std::int64_t bos_token_id;
  std::int64_t eos_token_id;
  std::int64_t pad_token_id;
  std::int64_t vocab_size;
  std::int64_t model_max_length;
  BytePairEncoding encoding;
  AddedTokenMatcher verbatim;    // looked for in the text as typed
  AddedTokenMatcher normalized;  // looked for in the normalised text
};

CLIPTokenizer::CLIPTokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}

CLIPTokenizer CLIPTokenizer::from_folder(const std::filesystem::path& folder,
                                         const std::string& pad_token) {
  return CLIPTokenizer(
      std::make_shared<const State>(read_clip_tokenizer_files(folder, pad_token), folder.string()));
}

std::vector<Token> CLIPTokenizer::tokenize(std::string_view text) const {
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw Error(ErrorKind::usage, "the prompt is not UTF-8 text (byte " + std::to_string(at) + ")");
  }
  std::vector<Token> tokens;
  const auto add_special = [&](const Stretch& stretch) {
    tokens.push_back({stretch.id, stretch.characters.front().begin, stretch.characters.back().end});
  };
  std::string word;
  std::vector<const Character*> owners;  // of each byte of the word
  const auto add_words = [&](const Characters& characters) {
    for (const std::span<const Character> span : split_clip_words(characters)) {
      word.clear();
      owners.clear();
      for (const Character& character : span) {
        append_utf8(word, character.code);
        owners.resize(word.size(), &character);
      }
      std::size_t at = 0;
      for (const BytePiece& piece : state_->encoding.encode(word)) {
        // NFC may have reordered marks, so the outer ends are not always the first and last bytes'.
        std::size_t begin = owners[at]->begin, end = owners[at]->end;
        for (std::size_t i = at + 1; i < at + piece.bytes; ++i) {
          begin = std::min(begin, owners[i]->begin);
          end = std::max(end, owners[i]->end);
        }
        tokens.push_back({piece.id, begin, end});
        at += piece.bytes;
      }
    }
  };
  for (const Stretch& outer : state_->verbatim.split(decode_characters(text))) {
    if (outer.id >= 0) {
      add_special(outer);
      continue;
    }
    for (const Stretch& inner : state_->normalized.split(normalize(outer.characters))) {
      if (inner.id >= 0) {
        add_special(inner);
      } else {
        add_words(inner.characters);
      }
    }
  }
  return tokens;
}

Encoding CLIPTokenizer::encode(std::string_view text, std::int64_t length) const {
  if (length == 0) length = state_->model_max_length;
  if (length < 2)
    throw Error(ErrorKind::usage, "a text of fewer than 2 tokens has no room for bos and eos");
  std::vector<Token> tokens = tokenize(text);

  Encoding out;
  out.kept_bytes = text.size();
  const auto room = static_cast<std::size_t>(length) - 2;
  if (tokens.size() > room) {
    out.dropped_tokens = tokens.size() - room;
    out.kept_bytes = room == 0 ? 0 : tokens[room - 1].end;
    tokens.resize(room);
  }
  out.tokens.reserve(tokens.size() + 2);
  out.tokens.push_back({state_->bos_token_id, 0, 0});
  out.tokens.insert(out.tokens.end(), tokens.begin(), tokens.end());
  out.tokens.push_back({state_->eos_token_id, text.size(), text.size()});
  out.ids.reserve(static_cast<std::size_t>(length));
  for (const Token& token : out.tokens) out.ids.push_back(token.id);
  out.ids.resize(static_cast<std::size_t>(length), state_->pad_token_id);
  return out;
}

std::int64_t CLIPTokenizer::bos_token_id() const { return state_->bos_token_id; }
std::int64_t CLIPTokenizer::eos_token_id() const { return state_->eos_token_id; }
std::int64_t CLIPTokenizer::pad_token_id() const { return state_->pad_token_id; }
std::int64_t CLIPTokenizer::vocab_size() const { return state_->vocab_size; }
std::int64_t CLIPTokenizer::model_max_length() const { return state_->model_max_length; }

}  // namespace omr::text
