// tokenizer.model, then texts through what it gives.
#include "omr/llm/sentencepiece_tokenizer.h"

#include "fuzz/target.h"
#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const omr::TemporaryFolder folder;
  const auto file = folder.write("tokenizer.model", omr::fuzz::text_of(data, size));
  omr::fuzz::expect_value_or_error([&] {
    const auto tokenizer = omr::llm::SentencePieceTokenizer::open(file);
    tokenizer.decode(tokenizer.encode("a small red star, Ünïcode \xF0\x9F\x98\x80"));
  });
  return 0;
}
