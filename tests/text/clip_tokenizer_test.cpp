#include "omr/text/clip_tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::text {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int64_t>;
using Span = std::pair<std::size_t, std::size_t>;

CLIPTokenizer pack_tokenizer() {
  return CLIPTokenizer::from_folder(fs::path(OMR_MODELS) / "scenes" / "tokenizer");
}

Ids ids_of(const std::vector<Token>& tokens) {
  Ids ids;
  for (const Token& token : tokens) ids.push_back(token.id);
  return ids;
}

std::vector<Span> spans_of(const std::vector<Token>& tokens) {
  std::vector<Span> spans;
  for (const Token& token : tokens) spans.emplace_back(token.begin, token.end);
  return spans;
}

class PeersCLIPTokenizerTest : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder() const { return fs::path(OMR_PEERS) / "text" / GetParam(); }
};

TEST_P(PeersCLIPTokenizerTest, GivesTheIdsOfTransformers) {
  const CLIPTokenizer tokenizer = CLIPTokenizer::from_folder(folder());
  const io::Json expected = io::read_json(folder() / "case.json");
  ASSERT_GT(expected["rows"].size(), 500u);
  EXPECT_EQ(tokenizer.bos_token_id(), expected["bos"]);
  EXPECT_EQ(tokenizer.eos_token_id(), expected["eos"]);
  EXPECT_EQ(tokenizer.pad_token_id(), expected["pad"]);
  EXPECT_EQ(tokenizer.model_max_length(), expected["length"]);
  for (const io::Json& row : expected["rows"]) {
    const std::string text = row["text"].get<std::string>();
    ASSERT_EQ(ids_of(tokenizer.tokenize(text)), row["ids"].get<Ids>()) << row.dump();
    ASSERT_EQ(tokenizer.encode(text).ids, row["padded"].get<Ids>()) << row["text"].dump();
  }
}

TEST_P(PeersCLIPTokenizerTest, PutsTokensWhereTransformersDoes) {
  const CLIPTokenizer tokenizer = CLIPTokenizer::from_folder(folder());
  const io::Json expected = io::read_json(folder() / "case.json");
  for (const io::Json& row : expected["rows"]) {
    if (row["spans"].is_null()) continue;
    const std::string text = row["text"].get<std::string>();
    ASSERT_EQ(spans_of(tokenizer.tokenize(text)), row["spans"].get<std::vector<Span>>())
        << row.dump();
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, PeersCLIPTokenizerTest,
                         testing::Values("tokenizer-pack", "tokenizer-objects", "tokenizer-single",
                                         "tokenizer-poor"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(CLIPTokenizerTest, SpansCoverTheOriginalBytesOfComposedCharacters) {
  const CLIPTokenizer tokenizer = pack_tokenizer();
  // "e" and U+0301 (three bytes together) become one character of two bytes, two tokens.
  const std::vector<Token> tokens = tokenizer.tokenize("e\u0301 \u00c9");
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(spans_of(tokens), (std::vector<Span>{{0, 3}, {0, 3}, {4, 6}, {4, 6}}));
}

TEST(CLIPTokenizerTest, OverlongTextKeepsBosAndEosAndSaysWhatWasCut) {
  const CLIPTokenizer tokenizer = pack_tokenizer();
  std::string text;
  for (int i = 0; i < 60; ++i) text += "star ";
  const Encoding encoding = tokenizer.encode(text);
  ASSERT_EQ(encoding.ids.size(), 48u);
  EXPECT_EQ(encoding.ids.front(), tokenizer.bos_token_id());
  EXPECT_EQ(encoding.ids.back(), tokenizer.eos_token_id());
  EXPECT_EQ(encoding.dropped_tokens, 14u);
  EXPECT_EQ(encoding.kept_bytes, 46 * 5 - 1u);
  EXPECT_EQ(encoding.tokens.back().begin, text.size());
}

TEST(CLIPTokenizerTest, ShortTextIsPadded) {
  const CLIPTokenizer tokenizer = pack_tokenizer();
  const Encoding encoding = tokenizer.encode("", 5);
  const std::int64_t pad = tokenizer.pad_token_id();
  EXPECT_EQ(encoding.ids, (Ids{tokenizer.bos_token_id(), tokenizer.eos_token_id(), pad, pad, pad}));
  EXPECT_EQ(encoding.tokens.size(), 2u);
  EXPECT_EQ(encoding.dropped_tokens, 0u);
}

TEST(CLIPTokenizerTest, LongInputTakesLinearTime) {
  const CLIPTokenizer tokenizer = pack_tokenizer();
  for (const std::string& unit :
       {std::string("a"), std::string("ab"), std::string("(!"), std::string("\u65e5"),
        std::string("e\u0301"), std::string("\u0301\u0323"), std::string("a <|")}) {
    std::string text;
    while (text.size() < 300'000) text += unit;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_GT(tokenizer.tokenize(text).size(), 1000u);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << unit;
  }
}

TEST(CLIPTokenizerTest, RefusesTextThatIsNotUtf8) {
  const CLIPTokenizer tokenizer = pack_tokenizer();
  for (const char* text : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"}) {
    try {
      tokenizer.encode(text);
      FAIL() << "took " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(error.what()).find("UTF-8"), std::string::npos);
    }
  }
}

class CLIPTokenizerFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "omr-tokenizer-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const auto& entry :
         fs::directory_iterator(fs::path(OMR_MODELS) / "scenes" / "tokenizer")) {
      fs::copy_file(entry.path(), folder_ / entry.path().filename());
      fs::permissions(folder_ / entry.path().filename(), fs::perms::owner_write,
                      fs::perm_options::add);
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const char* file, const std::string& text) { std::ofstream(folder_ / file) << text; }

  // The error must be of this kind and name the file.
  void expect_refusal(ErrorKind kind, const std::string& named) {
    try {
      CLIPTokenizer::from_folder(folder_);
      FAIL() << "took a bad " << named;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
    }
  }

  fs::path folder_;
};

TEST_F(CLIPTokenizerFilesTest, MissingVocabularyIsNamed) {
  fs::remove(folder_ / "vocab.json");
  expect_refusal(ErrorKind::io, "vocab.json");
}

TEST_F(CLIPTokenizerFilesTest, BadVocabularyIdsAreRefused) {
  for (const char* text :
       {"[]", "{}", R"({"a": -1})", R"({"a": 1e9})", R"({"a": "x"})", R"({"a": 99999999999})"}) {
    write("vocab.json", text);
    expect_refusal(ErrorKind::format, "vocab.json");
  }
}

TEST_F(CLIPTokenizerFilesTest, MergesMustBePairsOfKnownPieces) {
  write("merges.txt", "#version: 0.2\na b c\n");
  expect_refusal(ErrorKind::format, "merges.txt");
  write("merges.txt", "#version: 0.2\nunknown piece\n");
  expect_refusal(ErrorKind::format, folder_.string());
}

TEST_F(CLIPTokenizerFilesTest, AnotherTokenizerClassIsAMismatch) {
  write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  expect_refusal(ErrorKind::mismatch, "tokenizer_config.json");
}

TEST_F(CLIPTokenizerFilesTest, FilesCutAnywhereNeverCrash) {
  for (const char* file :
       {"tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"}) {
    const std::string whole = io::read_text(folder_ / file);
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 60);
    for (std::size_t length = 0; length < whole.size(); length += step) {
      write(file, whole.substr(0, length));
      try {
        CLIPTokenizer::from_folder(folder_).encode("a red star");
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
      }
    }
    write(file, whole);
  }
}

}  // namespace
}  // namespace omr::text
