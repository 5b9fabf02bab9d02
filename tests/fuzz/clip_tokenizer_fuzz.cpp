// vocab.json and merges.txt (split at the first NUL of the input), then a text through what they
// give.
#include "omr/text/clip_tokenizer.h"

#include "fuzz/target.h"
#include "support/temporary_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const omr::TemporaryFolder folder;
  const std::string_view input = omr::fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  // One file is the input's, the other a whole one: both wrong would hide what the second may do.
  static const std::string_view kVocab =
      "{\"<|startoftext|>\":0,\"<|endoftext|>\":1,\"a\":2,\"a</w>\":3,\"aa</w>\":4}";
  const bool merges = !input.empty() && input[0] == '#';
  folder.write("vocab.json", merges ? kVocab : input.substr(0, end));
  folder.write("merges.txt", merges ? input.substr(0, end) : "#version: 0.2\na a</w>\n");
  omr::fuzz::expect_value_or_error([&] {
    const auto tokenizer = omr::text::CLIPTokenizer::from_folder(folder.path());
    tokenizer.encode("a small red star, Ünïcode \xF0\x9F\x98\x80 'll 12");
    if (end < input.size() && omr::find_invalid_utf8(input.substr(end)) == std::string_view::npos) {
      tokenizer.tokenize(input.substr(end));
    }
  });
  return 0;
}
