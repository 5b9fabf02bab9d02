#include "omr/text/bert_tokenizer.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"

namespace omr::text {
namespace {

namespace fs = std::filesystem;

const fs::path kCase = OMR_PEERS "/reward/image-reward";

TEST(PeersBertTokenizerTest, GivesTheIdsOfTransformers) {
  const BertTokenizer tokenizer = BertTokenizer::open(kCase / "vocab.txt");
  const io::Json expected = io::read_json(kCase / "case.json");
  const io::Json& texts = expected["wordpiece_texts"];
  ASSERT_GE(texts.size(), 10u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(texts[i].get<std::string>(), 35),
              expected["wordpiece_ids"][i].get<std::vector<std::int64_t>>())
        << texts[i];
  }
}

TEST(PeersBertTokenizerTest, SpecialTokensInTextAreText) {
  const BertTokenizer tokenizer = BertTokenizer::open(kCase / "vocab.txt");
  const std::vector<std::int64_t> ids = tokenizer.encode("[SEP] [CLS]", 35);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), ids.front()), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), ids.back()), 1);
}

TEST(BertTokenizerTest, RefusesOtherFilesAndTextThatIsNotUtf8) {
  std::string folder = (fs::temp_directory_path() / "omr-bert-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const fs::path file = fs::path(folder) / "vocab.txt";
  EXPECT_THROW(BertTokenizer::open(file), Error);
  std::ofstream(file) << "[CLS]\n[SEP]\na\n";
  EXPECT_THROW(BertTokenizer::open(file), Error);
  std::ofstream(file) << "[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\n";
  const BertTokenizer tokenizer = BertTokenizer::open(file);
  EXPECT_EQ(tokenizer.encode("A b", 9), (std::vector<std::int64_t>{1, 3, 0, 2}));
  EXPECT_EQ(tokenizer.encode("a a a a", 3), (std::vector<std::int64_t>{1, 3, 2}));
  EXPECT_THROW(tokenizer.encode("\xff", 9), Error);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace omr::text
