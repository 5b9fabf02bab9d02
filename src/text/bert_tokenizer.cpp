#include "omr/text/bert_tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "omr/core/error.h"
#include "omr/core/utf8.h"
#include "omr/io/json_file.h"

#include "text/unicode.h"

namespace omr::text {
namespace {

constexpr std::size_t kLongestWord = 100;  // in characters; longer ones are unknown

bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_control(char32_t c) {
  const bool blank = c == '\t' || c == '\n' || c == '\r';
  const bool format = c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
                      (c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x206F) || c == 0xFEFF;
  return !blank && (c < 0x20 || (c >= 0x7F && c <= 0x9F) || format || c == 0xFFFD);
}

// Marks such as $ and ^ count as punctuation though Unicode calls them symbols.
bool stands_alone(char32_t c) {
  const bool ascii = (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
                     (c >= 123 && c <= 126);
  return ascii || is_chinese(c) || is_punctuation(c);
}

std::vector<std::u32string> words(std::string_view text) {
  Characters kept = decode_characters(text);
  std::erase_if(kept, [](const Character& c) { return is_control(c.code); });
  std::vector<std::u32string> out;
  bool within = false;
  for (const Character& character : lower_case(strip_accents(kept))) {
    const char32_t c = character.code;
    if (is_space(c)) {
      within = false;
    } else if (stands_alone(c)) {
      out.emplace_back(1, c);
      within = false;
    } else {
      if (!within) out.emplace_back();
      out.back() += c;
      within = true;
    }
  }
  return out;
}

std::string utf8(std::u32string_view text) {
  std::string out;
  for (char32_t c : text) append_utf8(out, c);
  return out;
}

}  // namespace

struct BertTokenizer::State {
  std::unordered_map<std::string, std::int64_t> ids;
  std::int64_t cls = 0, sep = 0, unknown = 0;
};

BertTokenizer::BertTokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}

BertTokenizer BertTokenizer::open(const std::filesystem::path& vocabulary) {
  constexpr std::size_t kLargest = 16u << 20;
  const std::string text = io::read_text(vocabulary, kLargest);
  auto state = std::make_shared<State>();
  std::int64_t id = 0;
  for (std::size_t begin = 0; begin < text.size(); ++id) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::size_t trimmed = end > begin && text[end - 1] == '\r' ? end - 1 : end;
    state->ids.emplace(text.substr(begin, trimmed - begin), id);
    begin = end + 1;
  }
  for (auto [name, place] : {std::pair{"[CLS]", &state->cls}, std::pair{"[SEP]", &state->sep},
                             std::pair{"[UNK]", &state->unknown}}) {
    const auto found = state->ids.find(name);
    if (found == state->ids.end()) {
      throw Error(ErrorKind::format,
                  vocabulary.string() + ": no BERT vocabulary, it lacks the piece " + name);
    }
    *place = found->second;
  }
  return BertTokenizer(std::move(state));
}

std::vector<std::int64_t> BertTokenizer::encode(std::string_view text, std::size_t length) const {
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    throw Error(ErrorKind::usage, "the text is not UTF-8 (byte " + std::to_string(at) + ")");
  }
  std::vector<std::int64_t> ids = {state_->cls};
  for (const std::u32string& word : words(text)) {
    std::vector<std::int64_t> pieces;
    for (std::size_t begin = 0; begin < word.size() && word.size() <= kLongestWord;) {
      std::size_t end = word.size();
      auto found = state_->ids.end();
      for (; end > begin && found == state_->ids.end(); --end) {
        found = state_->ids.find((begin > 0 ? "##" : "") +
                                 utf8(std::u32string_view(word).substr(begin, end - begin)));
      }
      if (found == state_->ids.end()) {
        pieces.clear();
        break;
      }
      pieces.push_back(found->second);
      begin = end + 1;
    }
    if (pieces.empty()) pieces.push_back(state_->unknown);
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  }
  ids.resize(std::min(ids.size(), length - 1));
  ids.push_back(state_->sep);
  return ids;
}

std::int64_t BertTokenizer::vocab_size() const {
  return static_cast<std::int64_t>(state_->ids.size());
}

}  // namespace omr::text
