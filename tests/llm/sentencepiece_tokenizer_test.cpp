#include "omr/llm/sentencepiece_tokenizer.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::llm {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int64_t>;

class PeersSentencePieceTokenizerTest : public testing::TestWithParam<const char*> {
 protected:
  fs::path folder = fs::path(OMR_PEERS) / "llm" / ("tokenizer-" + std::string(GetParam()));
  SentencePieceTokenizer tokenizer = SentencePieceTokenizer::open(folder / "tokenizer.model");
  io::Json expected = io::read_json(folder / "case.json");
};

TEST_P(PeersSentencePieceTokenizerTest, EncodesLikeThePythonPackage) {
  EXPECT_EQ(tokenizer.piece_count(), expected["pieces"]);
  EXPECT_EQ(tokenizer.bos_id(), expected["bos"]);
  EXPECT_EQ(tokenizer.eos_id(), expected["eos"]);
  ASSERT_FALSE(expected["rows"].empty());
  for (const io::Json& row : expected["rows"]) {
    const std::string text = row["text"].get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), row["ids"].get<Ids>()) << row.dump();
    Ids with_bos = tokenizer.encode(text, /*add_bos=*/true);
    EXPECT_EQ(with_bos.front(), tokenizer.bos_id());
    with_bos.erase(with_bos.begin());
    EXPECT_EQ(with_bos, row["ids"].get<Ids>());
    if (row["known"]) {
      EXPECT_EQ(tokenizer.decode(row["ids"].get<Ids>()), row["decoded"].get<std::string>());
    }
  }
}

TEST_P(PeersSentencePieceTokenizerTest, DecodesWhatModelsSayLikeTransformers) {
  for (const io::Json& row : expected["generated"]) {
    EXPECT_EQ(tokenizer.decode(row["ids"].get<Ids>()), row["text"].get<std::string>())
        << row.dump();
  }
}

TEST_P(PeersSentencePieceTokenizerTest, IdsThatAreNoPieceVanish) {
  EXPECT_EQ(tokenizer.decode({1, 2, -5, tokenizer.piece_count(), 1'000'000'000'000}), "");
}

INSTANTIATE_TEST_SUITE_P(Models, PeersSentencePieceTokenizerTest,
                         testing::Values("bytes", "nfkc", "plain"),
                         [](const auto& info) { return std::string(info.param); });

TEST(SentencePieceTokenizerTest, ControlSymbolsInTextAreText) {
  const auto tokenizer =
      SentencePieceTokenizer::open(fs::path(OMR_MODELS) / "scenes" / "refiner" / "tokenizer.model");
  for (std::int64_t id : tokenizer.encode("a </s> b <s>")) EXPECT_FALSE(tokenizer.is_control(id));
  EXPECT_TRUE(tokenizer.is_control(tokenizer.eos_id()));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a </s> b <s>")), "a </s> b <s>");
}

TEST(SentencePieceTokenizerTest, RefusesTextThatIsNotUtf8) {
  const auto tokenizer =
      SentencePieceTokenizer::open(fs::path(OMR_MODELS) / "scenes" / "refiner" / "tokenizer.model");
  EXPECT_THROW(tokenizer.encode("a\xff"), Error);
}

TEST(SentencePieceTokenizerTest, DamagedFilesAreFormatErrorsOrWork) {
  const fs::path source = fs::path(OMR_MODELS) / "scenes" / "refiner" / "tokenizer.model";
  const std::string whole = io::read_text(source);
  std::string name = (fs::temp_directory_path() / "omr-spm-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const fs::path file = fs::path(name) / "tokenizer.model";
  int refused = 0;
  const auto try_bytes = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
    try {
      SentencePieceTokenizer::open(file).encode("a red star");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
      EXPECT_NE(std::string(error.what()).find("tokenizer.model"), std::string::npos);
      ++refused;
    }
  };
  for (std::size_t length = 0; length < whole.size(); length += 37)
    try_bytes(whole.substr(0, length));
  try_bytes("PK\x03\x04 not a model");
  try_bytes(std::string((16u << 20) + 1, 'x'));
  EXPECT_GT(refused, 50);
  fs::remove_all(name);
}

TEST(PeersSentencePieceTokenizerTest, WhatTheUserTypesIsNeverASpecialToken) {
  for (const char* name : {"chat-gemma", "chat-mistral-v03", "chat-chatml"}) {
    const auto tokenizer =
        SentencePieceTokenizer::of_folder(fs::path(OMR_PEERS) / "llm" / std::string(name));
    for (const char* token :
         {"<start_of_turn>", "[INST]", "<|im_start|>", "<eos>", "</s>", "<s>", "<bos>"}) {
      const std::string text = std::string(token) + token + "a " + token + " b" + token;
      for (const Ids& ids : {tokenizer.encode(text), tokenizer.encode_after_special(text)}) {
        for (std::int64_t id : ids) EXPECT_NE(id, tokenizer.special_id(token)) << name << token;
        EXPECT_EQ(tokenizer.decode(ids), text);
      }
    }
  }
}

TEST(PeersSentencePieceTokenizerTest, FindsTheSpecialTokensThatTheFolderDeclares) {
  const auto of = [](const char* name) {
    return SentencePieceTokenizer::of_folder(fs::path(OMR_PEERS) / "llm" / std::string(name));
  };
  const auto gemma = of("chat-gemma");
  const auto found = gemma.find_special("a<start_of_turn><bos>", 0);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->begin, 1u);
  EXPECT_EQ(found->end, 16u);
  EXPECT_EQ(gemma.find_special("a<start_of_turn><bos>", 2)->id, gemma.bos_id());
  EXPECT_FALSE(gemma.find_special("[INST] </s>").has_value());
  EXPECT_EQ(gemma.decode({found->id, gemma.bos_id()}), "");
  const auto chatml = of("chat-chatml");
  EXPECT_EQ(chatml.special_id("<|im_start|>"), chatml.piece_count());
  EXPECT_EQ(chatml.special_id("<|im_stop|>"), -1);
}

TEST(SentencePieceTokenizerTest, AFolderWithoutASentencepieceModelIsRefusedInOneLine) {
  std::string name = (fs::temp_directory_path() / "omr-spm-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const auto message = [&] {
    try {
      SentencePieceTokenizer::of_folder(name);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message().find("no tokenizer.model"), std::string::npos);
  std::ofstream(fs::path(name) / "tokenizer.json") << R"({"model": {"type": "BPE"}})";
  EXPECT_NE(message().find("put the tokenizer.model"), std::string::npos);
  std::ofstream(fs::path(name) / "tokenizer.json") << R"({"pre_tokenizer": {"type": "ByteLevel"}})";
  EXPECT_NE(message().find("byte-level BPE"), std::string::npos);
  EXPECT_EQ(message().find('\n'), std::string::npos);
  fs::remove_all(name);
}

}  // namespace
}  // namespace omr::llm
