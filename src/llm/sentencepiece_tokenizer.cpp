#include "omr/llm/sentencepiece_tokenizer.h"

#include <utility>

#include <sentencepiece_processor.h>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"

namespace omr::llm {

struct SentencePieceTokenizer::State {
  sentencepiece::SentencePieceProcessor processor;
};

SentencePieceTokenizer::SentencePieceTokenizer(std::shared_ptr<const State> state)
    : state_(std::move(state)) {}

SentencePieceTokenizer SentencePieceTokenizer::open(const std::filesystem::path& file) {
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
  return SentencePieceTokenizer(std::move(state));
}

std::vector<std::int64_t> SentencePieceTokenizer::encode(std::string_view text,
                                                         bool add_bos) const {
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw Error(ErrorKind::usage, "the text is not UTF-8 (byte " + std::to_string(at) + ")");
  }
  std::vector<int> pieces;
  if (const auto status = state_->processor.Encode(text, &pieces); !status.ok()) {
    throw Error(ErrorKind::format, "sentencepiece cannot encode the text: " + status.ToString());
  }
  std::vector<std::int64_t> ids;
  ids.reserve(pieces.size() + 1);
  if (add_bos && bos_id() >= 0) ids.push_back(bos_id());
  ids.insert(ids.end(), pieces.begin(), pieces.end());
  return ids;
}

std::string SentencePieceTokenizer::decode(const std::vector<std::int64_t>& ids) const {
  std::vector<int> pieces;
  pieces.reserve(ids.size());
  for (std::int64_t id : ids) {
    if (id < 0 || id >= piece_count() || is_control(id)) continue;
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
