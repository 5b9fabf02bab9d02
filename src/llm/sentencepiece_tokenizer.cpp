#include "omr/llm/sentencepiece_tokenizer.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include <sentencepiece_processor.h>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSpace = "\u2581";
constexpr std::int64_t kLargestId = 1 << 24;

struct Added {
  std::string content;
  std::int64_t id = 0;
  bool special = false;
};

// What the folder's JSON files add to the model's own pieces.
std::vector<Added> read_added_tokens(const fs::path& folder) {
  std::vector<Added> out;
  const auto refuse = [](const fs::path& path, const std::string& what) {
    throw Error(ErrorKind::format, path.string() + ": " + what);
  };
  if (const fs::path path = folder / "added_tokens.json"; fs::exists(path)) {
    const io::Config added(path);
    for (const auto& [content, id] : added.json().items()) {
      if (!id.is_number_integer()) refuse(path, "the id of \"" + content + "\" is no integer");
      out.push_back({content, id.get<std::int64_t>(), false});
    }
  }
  const fs::path path = folder / "tokenizer_config.json";
  if (!fs::exists(path)) return out;
  const io::Config config(path);
  if (!config.has("added_tokens_decoder")) return out;
  const io::Config decoder = config.child("added_tokens_decoder");
  for (const auto& [key, value] : decoder.json().items()) {
    Added token;
    const auto [end, fault] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (fault != std::errc() || end != key.data() + key.size()) {
      refuse(path, "added_tokens_decoder: \"" + key + "\" is no token id");
    }
    const io::Config entry = decoder.child(key);
    token.content = entry.text("content");
    token.special = entry.boolean("special", false);
    out.push_back(std::move(token));
  }
  return out;
}

[[noreturn]] void refuse_missing_model(const fs::path& folder) {
  const fs::path fast = folder / "tokenizer.json";
  if (!fs::exists(fast)) {
    throw Error(ErrorKind::io, "no tokenizer.model in " + folder.string() +
                                   ": it is the sentencepiece file of the model's repository");
  }
  constexpr std::size_t kLargest = 256u << 20;
  const bool bytes = io::read_text(fast, kLargest).find("\"ByteLevel\"") != std::string::npos;
  throw Error(
      ErrorKind::mismatch,
      folder.string() + (bytes ? " has a byte-level BPE tokenizer.json (Llama 3, Qwen and the "
                                 "like), which omr does not read: use a refiner with a "
                                 "sentencepiece tokenizer.model (Llama 2, TinyLlama, Mistral 7B, "
                                 "Gemma)"
                               : " has tokenizer.json alone: put the tokenizer.model of the "
                                 "model's repository beside it"));
}

}  // namespace

struct SentencePieceTokenizer::State {
  sentencepiece::SentencePieceProcessor processor;
  // The same model without the space that it puts before every text; null where it puts none.
  std::unique_ptr<sentencepiece::SentencePieceProcessor> bare;
  std::map<std::string, std::int64_t, std::less<>> specials;
  std::set<std::int64_t> special_ids;
  // Specials that sentencepiece itself would find in a text.
  std::vector<std::string> spellable;
  bool legacy = false;

  void add_special(const std::string& content, std::int64_t id) {
    if (content.empty()) return;
    specials[content] = id;
    special_ids.insert(id);
    const int piece = processor.PieceToId(content);
    const bool own = processor.IdToPiece(piece) == content && !processor.IsControl(piece) &&
                     !processor.IsUnknown(piece);
    if (own && std::find(spellable.begin(), spellable.end(), content) == spellable.end()) {
      spellable.push_back(content);
    }
  }
};

SentencePieceTokenizer::SentencePieceTokenizer(std::shared_ptr<const State> state)
    : state_(std::move(state)) {}

std::shared_ptr<SentencePieceTokenizer::State> SentencePieceTokenizer::load(const fs::path& file) {
  constexpr std::size_t kLargestModel = 16u << 20;
  constexpr int kSilent = 4;  // above FATAL: what fails comes back as a status
  sentencepiece::SetMinLogLevel(kSilent);

  const std::string bytes = io::read_text(file, kLargestModel);
  auto state = std::make_shared<State>();
  const auto status = state->processor.LoadFromSerializedProto(bytes);
  if (bytes.empty() || !status.ok() || state->processor.GetPieceSize() <= 0) {
    throw Error(ErrorKind::format, file.string() + ": not a sentencepiece model (" +
                                       printable(status.ok() ? "no pieces" : status.ToString()) +
                                       ")");
  }
  std::vector<std::string> probe;
  if (state->processor.Encode("a", &probe).ok() && !probe.empty() &&
      probe.front().starts_with(kSpace)) {
    // Protocol buffers are merged by concatenation: normalizer_spec { add_dummy_prefix: false }.
    constexpr std::string_view kNoPrefix("\x1a\x02\x18\x00", 4);
    state->bare = std::make_unique<sentencepiece::SentencePieceProcessor>();
    if (!state->bare->LoadFromSerializedProto(bytes + std::string(kNoPrefix)).ok()) {
      throw Error(ErrorKind::format, file.string() + ": not a sentencepiece model");
    }
  }
  for (int id = 0; id < state->processor.GetPieceSize(); ++id) {
    if (state->processor.IsControl(id)) state->add_special(state->processor.IdToPiece(id), id);
  }
  return state;
}

SentencePieceTokenizer SentencePieceTokenizer::open(const fs::path& file) {
  return SentencePieceTokenizer(load(file));
}

SentencePieceTokenizer SentencePieceTokenizer::of_folder(const fs::path& folder) {
  const fs::path file = folder / "tokenizer.model";
  if (!fs::exists(file) && fs::is_directory(folder)) refuse_missing_model(folder);
  std::shared_ptr<State> state = load(file);
  for (const Added& token : read_added_tokens(folder)) {
    if (token.id < 0 || token.id > kLargestId) {
      throw Error(ErrorKind::format, folder.string() + ": the added token \"" + token.content +
                                         "\" has the id " + std::to_string(token.id));
    }
    // What the model itself holds and is not special (HTML tags, runs of spaces) it finds alone.
    if (token.special || token.id >= state->processor.GetPieceSize()) {
      state->add_special(token.content, token.id);
    }
  }
  if (const fs::path config = folder / "tokenizer_config.json"; fs::exists(config)) {
    state->legacy = io::Config(config).boolean("legacy", false);
  }
  return SentencePieceTokenizer(std::move(state));
}

// `begins`: with the space that the model puts before a text.
std::vector<std::int64_t> SentencePieceTokenizer::encode_text(std::string_view text,
                                                              bool begins) const {
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw Error(ErrorKind::usage, "the text is not UTF-8 (byte " + std::to_string(at) + ")");
  }
  std::vector<std::int64_t> ids;
  const auto append = [&](std::string_view part) {
    const auto& processor = begins || !state_->bare ? state_->processor : *state_->bare;
    std::vector<int> pieces;
    if (const auto status = processor.Encode(part, &pieces); !status.ok()) {
      throw Error(ErrorKind::format, "sentencepiece cannot encode the text: " + status.ToString());
    }
    ids.insert(ids.end(), pieces.begin(), pieces.end());
    begins = false;
  };
  // A special token that somebody typed is cut behind its first byte, so that it stays text.
  while (true) {
    std::size_t cut = std::string_view::npos;
    for (const std::string& special : state_->spellable) {
      const std::size_t at = text.find(special);
      if (at != std::string_view::npos) cut = std::min(cut, at + 1);
    }
    if (cut >= text.size()) break;
    append(text.substr(0, cut));
    text.remove_prefix(cut);
  }
  append(text);
  return ids;
}

std::vector<std::int64_t> SentencePieceTokenizer::encode(std::string_view text,
                                                         bool add_bos) const {
  std::vector<std::int64_t> ids = encode_text(text, /*begins=*/true);
  if (add_bos && bos_id() >= 0) ids.insert(ids.begin(), bos_id());
  return ids;
}

std::vector<std::int64_t> SentencePieceTokenizer::encode_after_special(
    std::string_view text) const {
  if (text.empty()) return {};
  const bool has_space = text.starts_with(' ') || text.starts_with(kSpace);
  return encode_text(text, state_->legacy && !has_space);
}

std::optional<SentencePieceTokenizer::SpecialToken> SentencePieceTokenizer::find_special(
    std::string_view text, std::size_t from) const {
  std::optional<SpecialToken> found;
  for (const auto& [content, id] : state_->specials) {
    const std::size_t at = text.find(content, from);
    if (at == std::string_view::npos) continue;
    const std::size_t end = at + content.size();
    if (!found || at < found->begin || (at == found->begin && end > found->end)) {
      found = SpecialToken{at, end, id};
    }
  }
  return found;
}

std::int64_t SentencePieceTokenizer::special_id(std::string_view token) const {
  const auto found = state_->specials.find(token);
  return found == state_->specials.end() ? -1 : found->second;
}

std::string SentencePieceTokenizer::decode(const std::vector<std::int64_t>& ids) const {
  std::vector<int> pieces;
  pieces.reserve(ids.size());
  for (std::int64_t id : ids) {
    if (id < 0 || id >= piece_count() || is_control(id) || state_->special_ids.contains(id)) {
      continue;
    }
    if (state_->processor.IsUnknown(static_cast<int>(id))) continue;
    pieces.push_back(static_cast<int>(id));
  }
  std::string text;
  if (const auto status = state_->processor.Decode(absl::MakeConstSpan(pieces), &text);
      !status.ok()) {
    throw Error(ErrorKind::format, "sentencepiece cannot decode the answer: " + status.ToString());
  }
  return text;
}

std::int64_t SentencePieceTokenizer::piece_count() const {
  return state_->processor.GetPieceSize();
}
std::int64_t SentencePieceTokenizer::bos_id() const { return state_->processor.bos_id(); }
std::int64_t SentencePieceTokenizer::eos_id() const { return state_->processor.eos_id(); }

bool SentencePieceTokenizer::is_control(std::int64_t id) const {
  return id >= 0 && id < piece_count() && state_->processor.IsControl(static_cast<int>(id));
}

std::int64_t SentencePieceTokenizer::piece_to_id(std::string_view piece) const {
  const int id = state_->processor.PieceToId(piece);
  return state_->processor.IdToPiece(id) == piece ? id : -1;
}

}  // namespace omr::llm
