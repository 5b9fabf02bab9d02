#include "omr/text/prompt_chunks.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "omr/text/prompt_weights.h"

namespace omr::text {
namespace {

CLIPTokenizer tokenizer() {
  return CLIPTokenizer::from_folder(std::filesystem::path(OMR_MODELS) / "scenes" / "tokenizer");
}

std::string words(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += i == 0 ? "red" : " red";
  return out;
}

// Tokens between bos and eos.
std::vector<std::size_t> sizes(const std::vector<Encoding>& chunks) {
  std::vector<std::size_t> out;
  for (const Encoding& chunk : chunks) {
    EXPECT_EQ(chunk.ids.size(), 48u);
    out.push_back(chunk.tokens.size() - 2);
  }
  return out;
}

using Sizes = std::vector<std::size_t>;

TEST(PromptChunksTest, ATextThatFitsIsWhatTheTokenizerMakesOfIt) {
  for (const std::string& text : {std::string(), words(1), words(46)}) {
    const auto chunks = encode_in_chunks(tokenizer(), text);
    ASSERT_EQ(chunks.size(), 1u);
    EXPECT_EQ(chunks[0].ids, tokenizer().encode(text).ids);
  }
}

TEST(PromptChunksTest, LongTextsLoseNothing) {
  const auto chunks = encode_in_chunks(tokenizer(), words(100));
  EXPECT_EQ(sizes(chunks), (Sizes{46, 46, 8}));
  EXPECT_EQ(chunks[1].tokens[1].begin, 46u * 4);
}

TEST(PromptChunksTest, AChunkEndsBehindANearComma) {
  // The comma is the 37th token: 10 tokens before the chunk is full.
  EXPECT_EQ(sizes(encode_in_chunks(tokenizer(), words(36) + ", " + words(30))), (Sizes{37, 30}));
  // 30 tokens before is too far; and a comma that itself is one too many begins the next chunk.
  EXPECT_EQ(sizes(encode_in_chunks(tokenizer(), words(15) + ", " + words(50))), (Sizes{46, 20}));
  EXPECT_EQ(sizes(encode_in_chunks(tokenizer(), words(46) + ", " + words(5))), (Sizes{46, 6}));
}

TEST(PromptChunksTest, BreakBeginsAChunk) {
  const WeightedPrompt prompt = parse_prompt_weights("a red BREAK star BREAK (BREAKING:1.2) it");
  EXPECT_EQ(prompt.text, "a red star BREAKING it");
  EXPECT_EQ(prompt.breaks, (std::vector<std::size_t>{6, 11}));
  const auto chunks = encode_in_chunks(tokenizer(), prompt.text, prompt.breaks);
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].tokens.size(), 4u);
  EXPECT_EQ(chunks[1].tokens.size(), 3u);
  EXPECT_EQ(chunks[1].tokens[1].begin, 6u);
}

}  // namespace
}  // namespace omr::text
