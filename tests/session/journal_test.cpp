#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/session/journal_reader.h"
#include "omr/session/journal_writer.h"

#include "support/memory_file_system.h"

namespace omr::session {
namespace {

using fakes::MemoryFileSystem;
using fakes::PowerCut;

SessionRecord session_record() {
  SessionRecord record;
  record.time = "2026-01-31T12:00:00Z";
  record.model = "models/scenes";
  record.user = "Ada";
  record.sha256 = {{"unet", "aa"}, {"vae", "bb"}};
  record.settings.prompt = "a “red” star";
  record.settings.seed = UINT64_MAX;
  record.settings.strength = 0.5;
  record.settings.loras = {{"x.safetensors", 0.8}};
  record.settings.references.pref = RewardReference{12, 3};
  record.settings.phrase_weights.w_max = 1.3;
  return record;
}

RoundRecord full_record(int round, int parent, int t) {
  RoundRecord record;
  record.round = round;
  record.parent = parent;
  record.t = t;
  record.feedback = round == 1 ? "" : "make it \"bigger\"";
  record.prompt = "a large star";
  record.negative_prompt = "heart";
  record.seed = 7;
  record.loras = {{"x.safetensors", -0.5}};
  record.applicable = {true, true, false, true};
  for (int k = 1; k <= 2; ++k) {
    CandidateRecord candidate;
    candidate.image = "round-001.png";
    candidate.sha256 = "cc";
    candidate.seed = 7;
    if (k == 2) candidate.strength = 0.75;
    candidate.rewards = {0.1, 0, 0.3, 0.4, 1.0 / 3};
    candidate.raw = {0.5, 0, -0.7, 12.5, 0};
    record.candidates.push_back(candidate);
  }
  record.picked = 2;
  record.lambda = {1, 0, 0};
  record.multipliers = {1, 1, 1};
  record.phrases = {{"a large star", 1.15, 3.5, std::nullopt}};
  record.latents = "round-001.safetensors";
  record.latents_sha256 = "dd";
  record.seconds = {{"generate", 1.5}};
  record.restored = {"a moon"};
  record.steps = 12;
  record.unet_calls = 24;
  record.user = "Ada";
  return record;
}

std::vector<Record> one_of_each() {
  return {session_record(),
          full_record(1, 0, 0),
          PickRecord{1, 1, {0.5, 1, 1.5}},
          ReactionRecord{true, 1, 2, {1, 1, 1}},
          ReactionRecord{false, 1, 1, {1, 1, 1}},
          MoveRecord{Move::go_to, 1},
          MoveRecord{Move::undo, 1},
          MoveRecord{Move::redo, 1},
          SeedRecord{UINT64_MAX},
          StrengthRecord{0.1},
          StepsRecord{12},
          CandidatesRecord{3},
          LoraRecord{{"y.safetensors", 0.25}, "cc"},
          PromptRecord{"a star"},
          DroppedRecord{"make it red", "interrupted"},
          AcceptRecord{1, 2},
          ResumeRecord{"2026-01-31T13:00:00Z", 17, "Bob", false},
          EndRecord{"quit"}};
}

std::string journal_refusal(std::string_view text) {
  try {
    read_journal(text, "j");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "taken: " << text.substr(0, 100);
  return "";
}

TEST(JournalFormatTest, EveryRecordComesBackAsItWasWritten) {
  for (const Record& record : one_of_each()) {
    const std::string line = to_line(record);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const Record read = parse_record(line, "j");
    EXPECT_EQ(read.index(), record.index());
    EXPECT_EQ(to_line(read), line);
  }
}

TEST(JournalFormatTest, LinesHaveTheDocumentedKeys) {
  const std::string line = to_line(full_record(2, 1, 1));
  for (const char* key : {"\"event\":\"round\"",
                          "\"round\":2",
                          "\"parent\":1",
                          "\"feedback\":",
                          "\"prompt\":",
                          "\"negative_prompt\":",
                          "\"seed\":7",
                          "\"candidates\":[{",
                          "\"image\":",
                          "\"sha256\":",
                          "\"rewards\":{\"cons\":",
                          "\"div\":",
                          "\"mi\":",
                          "\"pref\":",
                          "\"total\":",
                          "\"picked\":2",
                          "\"lambda\":{",
                          "\"phrases\":[{",
                          "\"text\":",
                          "\"weight\":",
                          "\"score\":",
                          "\"seconds\":{"}) {
    EXPECT_NE(line.find(key), std::string::npos) << key;
  }
  const std::string session = to_line(session_record());
  for (const char* key : {"\"event\":\"session\"", "\"version\":1", "\"model\":", "\"sha256\":{",
                          "\"seed\":", "\"settings\":{"}) {
    EXPECT_NE(session.find(key), std::string::npos) << key;
  }
}

TEST(JournalFormatTest, RewardsThatDoNotApplyAreNull) {
  const Record read = parse_record(to_line(full_record(1, 0, 0)), "j");
  EXPECT_FALSE(std::get<RoundRecord>(read).applicable.cons);
  EXPECT_TRUE(std::get<RoundRecord>(read).applicable.pref);
  EXPECT_NE(to_line(read).find("\"cons\":null"), std::string::npos);
}

TEST(JournalFormatTest, WrongRecordsNameThePlaceAndTheKey) {
  const auto reason = [](const std::string& line) -> std::string {
    try {
      parse_record(line, "here");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format);
      return error.what();
    }
    ADD_FAILURE() << line;
    return "";
  };
  EXPECT_NE(reason("{\"event\":\"seed\",\"seed\":-1}").find("here: \"seed\""), std::string::npos);
  EXPECT_NE(reason("{\"event\":\"seed\",\"seed\":1.5}").find("\"seed\""), std::string::npos);
  EXPECT_NE(reason("{\"event\":\"dance\"}").find("dance"), std::string::npos);
  EXPECT_NE(reason("{}").find("event"), std::string::npos);
  EXPECT_NE(reason("[]").find("object"), std::string::npos);
  EXPECT_NE(reason("{\"event\":\"undo\",\"event\":\"undo\"}").find("twice"), std::string::npos);
  EXPECT_NE(reason(std::string(100, '[')).find("deep"), std::string::npos);
  EXPECT_NE(reason(std::string(kMaxRecordBytes + 1, ' ')).find("long"), std::string::npos);
  EXPECT_NE(reason("{\"event\":\"seed\",\"seed\":1e999}").find("JSON"), std::string::npos);
  EXPECT_NE(reason("{\"event\":\"undo\",\"round\":\"\xFF\"}").find("JSON"), std::string::npos);
}

TEST(JournalReaderTest, UnknownVersionIsRefused) {
  std::string line = to_line(session_record());
  line.replace(line.find("\"version\":1"), 11, "\"version\":2");
  EXPECT_NE(journal_refusal(line + "\n").find("version 2"), std::string::npos);
}

TEST(JournalReaderTest, TornLastLineIsSkippedAndCounted) {
  const std::string whole = to_line(session_record()) + "\n" + to_line(SeedRecord{7}) + "\n";
  const Journal journal = read_journal(whole + "{\"event\":\"se", "j");
  EXPECT_EQ(journal.records.size(), 1u);
  EXPECT_EQ(journal.good_bytes, whole.size());
  EXPECT_EQ(journal.torn_bytes, 12u);
}

TEST(JournalReaderTest, ACorruptLineInTheMiddleIsAnErrorWithItsNumber) {
  const std::string session = to_line(session_record()) + "\n";
  EXPECT_NE(journal_refusal(session + "{\"event\":\"se\n" + to_line(SeedRecord{7}) + "\n")
                .find("j, line 2"),
            std::string::npos);
  EXPECT_NE(journal_refusal(session + session).find("line 2"), std::string::npos);
  EXPECT_NE(journal_refusal(to_line(SeedRecord{7}) + "\n").find("line 1"), std::string::npos);
  EXPECT_NE(journal_refusal("").find("empty"), std::string::npos);
  EXPECT_NE(journal_refusal("{\"event\":\"session\"").find("cut off"), std::string::npos);
}

TEST(JournalReaderTest, EveryTruncationGivesAPrefixOfTheRecordsOrAReason) {
  std::string text;
  for (const Record& record : one_of_each()) text += to_line(record) + "\n";
  const std::size_t first = text.find('\n') + 1;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string_view prefix = std::string_view(text).substr(0, size);
    if (size < first) {
      journal_refusal(prefix);
      continue;
    }
    const Journal journal = read_journal(prefix, "j");
    EXPECT_EQ(journal.records.size() + 1,
              static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '\n')));
    EXPECT_EQ(journal.good_bytes + journal.torn_bytes, size);
  }
}

TEST(JournalReaderTest, NoChangedByteCrashesIt) {
  std::string text;
  for (const Record& record : one_of_each()) text += to_line(record) + "\n";
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'\0', '"', '\n', '9', '\xFF'}) {
      std::string bad = text;
      bad[at] = c;
      try {
        read_journal(bad, "j");
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
      }
    }
  }
}

class JournalWriterTest : public ::testing::Test {
 protected:
  std::string text() { return files_.files["j"]; }
  MemoryFileSystem files_;
};

TEST_F(JournalWriterTest, AppendsWholeLines) {
  JournalWriter writer(files_, "j", 0, false);
  EXPECT_EQ(writer.append(session_record()), to_line(session_record()));
  writer.append(SeedRecord{7});
  EXPECT_EQ(read_journal(text(), "j").records.size(), 1u);
  EXPECT_EQ(read_journal(text(), "j").torn_bytes, 0u);
}

TEST_F(JournalWriterTest, CutsATornTailBeforeTheNextLine) {
  const std::string whole = to_line(session_record()) + "\n";
  files_.files["j"] = whole + "{\"eve";
  JournalWriter writer(files_, "j", whole.size(), true);
  writer.append(SeedRecord{7});
  EXPECT_EQ(text(), whole + to_line(SeedRecord{7}) + "\n");
}

TEST_F(JournalWriterTest, AFullDiskLeavesWholeLinesForTheNextAppend) {
  JournalWriter writer(files_, "j", 0, false);
  writer.append(session_record());
  files_.disk_full_at(1);
  EXPECT_THROW(writer.append(SeedRecord{7}), Error);
  EXPECT_GT(read_journal(text(), "j").torn_bytes, 0u);
  writer.append(SeedRecord{8});
  const Journal journal = read_journal(text(), "j");
  ASSERT_EQ(journal.records.size(), 1u);
  EXPECT_EQ(std::get<SeedRecord>(journal.records[0]).seed, 8u);
}

TEST_F(JournalWriterTest, AFailedCutIsTriedAgain) {
  JournalWriter writer(files_, "j", 0, false);
  writer.append(session_record());
  files_.disk_full_at(1, true);
  EXPECT_THROW(writer.append(SeedRecord{7}), Error);
  EXPECT_THROW(writer.append(SeedRecord{7}), Error);
  files_.restart();
  writer.append(SeedRecord{8});
  EXPECT_EQ(read_journal(text(), "j").records.size(), 1u);
}

}  // namespace
}  // namespace omr::session
