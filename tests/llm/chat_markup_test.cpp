#include "omr/llm/chat_markup.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "omr/io/json_file.h"
#include "omr/llm/sentencepiece_tokenizer.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int64_t>;

// As the refiner tokenizes a template without places.
Ids encode(const SentencePieceTokenizer& tokenizer, const std::string& text) {
  Ids ids;
  for (std::size_t at = 0; at < text.size();) {
    const auto special = tokenizer.find_special(text, at);
    const std::string part = text.substr(at, special ? special->begin - at : std::string::npos);
    if (!part.empty()) {
      const Ids pieces = at == 0 ? tokenizer.encode(part) : tokenizer.encode_after_special(part);
      ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
    if (!special) break;
    ids.push_back(special->id);
    at = special->end;
  }
  return ids;
}

class PeersChatMarkupTest : public testing::TestWithParam<const char*> {};

TEST_P(PeersChatMarkupTest, RendersAndTokenizesLikeApplyChatTemplate) {
  const fs::path folder = fs::path(OMR_PEERS) / "llm" / ("chat-" + std::string(GetParam()));
  const auto tokenizer = SentencePieceTokenizer::of_folder(folder);
  const auto markup = recognise_chat_markup(
      io::read_json(folder / "tokenizer_config.json")["chat_template"].get<std::string>());
  ASSERT_TRUE(markup.has_value());
  EXPECT_GE(tokenizer.special_id(markup->end), 0);
  const io::Json rows = io::read_json(folder / "case.json")["rows"];
  ASSERT_FALSE(rows.empty());
  for (const io::Json& row : rows) {
    std::vector<ChatExchange> exchanges;
    for (const io::Json& pair : row["exchanges"]) {
      exchanges.push_back({pair[0].get<std::string>(), pair[1].get<std::string>()});
    }
    const std::string text = render_chat(*markup, row["system"].get<std::string>(), exchanges,
                                         row["user"].get<std::string>());
    EXPECT_EQ(text, row["text"].get<std::string>());
    EXPECT_EQ(encode(tokenizer, text), row["ids"].get<Ids>()) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, PeersChatMarkupTest,
                         testing::Values("llama2", "zephyr", "zephyr-legacy", "mistral-v01",
                                         "mistral-v02", "mistral-v03", "gemma", "chatml"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(ChatMarkupTest, AnUnknownTemplateHasNoMarkup) {
  EXPECT_FALSE(recognise_chat_markup("").has_value());
  EXPECT_FALSE(recognise_chat_markup("<|start_header_id|>{{ role }}").has_value());
}

}  // namespace
}  // namespace omr::llm
