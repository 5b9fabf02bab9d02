#include "omr/session/dialogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/session/session.h"

#include "support/fake_parts.h"

namespace omr::session {
namespace {

using ::testing::ElementsAre;

std::string dialogue_refusal(const std::string& text) {
  try {
    read_dialogues(text, "d.jsonl");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format);
    return error.what();
  }
  ADD_FAILURE() << text;
  return "";
}

TEST(DialogueTest, ReadsChatMessages) {
  const auto dialogues = read_dialogues(
      R"({"id":"d1","seed":7,"messages":[{"role":"system","content":"x"},{"role":"user","content":"a red star"},)"
      R"({"role":"assistant","content":"done"},{"role":"user","content":[{"type":"text","text":"/seed 3"}]}],)"
      R"("settings":{"steps":5}})"
      "\n\n",
      "d.jsonl");
  ASSERT_EQ(dialogues.size(), 1u);
  EXPECT_EQ(dialogues[0].id, "d1");
  EXPECT_EQ(dialogues[0].seed, 7u);
  EXPECT_THAT(dialogues[0].turns, ElementsAre("a red star", "/seed 3"));
  EXPECT_EQ(dialogues[0].settings.at("steps"), 5);
}

TEST(DialogueTest, ReadsTurnsInBothForms) {
  const auto dialogues = read_dialogues(
      "{\"question_id\":81,\"category\":\"x\",\"turns\":[\"a star\",\"bigger\"]}\r\n"
      "{\"prompt\":\"a moon\",\"turns\":[{\"user_feedback\":\"smaller\",\"score\":3}]}",
      "d.jsonl");
  ASSERT_EQ(dialogues.size(), 2u);
  EXPECT_EQ(dialogues[0].id, "81");
  EXPECT_THAT(dialogues[0].turns, ElementsAre("a star", "bigger"));
  EXPECT_EQ(dialogues[1].id, "line-0002");
  EXPECT_THAT(dialogues[1].turns, ElementsAre("a moon", "smaller"));
}

TEST(DialogueTest, WrongLinesAreNamed) {
  const std::string good = "{\"id\":\"a\",\"turns\":[\"x\"]}\n";
  EXPECT_NE(dialogue_refusal(good + "{\"id\":\"b\"}").find("line 2"), std::string::npos);
  EXPECT_NE(dialogue_refusal(good + good).find("twice"), std::string::npos);
  EXPECT_NE(dialogue_refusal(good + "nonsense").find("line 2"), std::string::npos);
  dialogue_refusal("");
  dialogue_refusal("{\"turns\":[]}");
  dialogue_refusal("{\"turns\":[3]}");
  dialogue_refusal("{\"turns\":[{\"feedback\":\"x\"}]}");
  dialogue_refusal("{\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}");
  dialogue_refusal("{\"messages\":[{\"role\":\"user\"}]}");
  dialogue_refusal("{\"turns\":[\"x\"],\"settings\":{\"stepz\":3}}");
  dialogue_refusal("{\"turns\":[\"x\"],\"seed\":-1}");
}

TEST(DialogueTest, BadLinesAmongGoodOnesAreKeptWhereAsked) {
  const std::string good = "{\"id\":\"a\",\"turns\":[\"x\"]}\n";
  const auto dialogues =
      read_dialogues(good + "nonsense\n" + good + "{\"id\":\"bad-line-0002\",\"turns\":[\"y\"]}",
                     "d.jsonl", BadLines::keep);
  ASSERT_EQ(dialogues.size(), 4u);
  EXPECT_EQ(dialogues[0].error, "");
  EXPECT_EQ(dialogues[1].id, "bad-line-0002-2");
  EXPECT_NE(dialogues[1].error.find("d.jsonl, line 2"), std::string::npos);
  EXPECT_EQ(dialogues[2].id, "bad-line-0003");
  EXPECT_NE(dialogues[2].error.find("twice"), std::string::npos);
  EXPECT_THAT(dialogues[3].turns, ElementsAre("y"));
  EXPECT_THROW(read_dialogues("nonsense\n{}", "d.jsonl", BadLines::keep), Error);
}

TEST(DialogueTest, IdsThatCannotNameAFileAreRefused) {
  for (const char* id : {"", "..", "a/b", "a\\\\b", ".hidden", "-rf", "a b", "ä"}) {
    EXPECT_NE(dialogue_refusal("{\"id\":\"" + std::string(id) + "\",\"turns\":[\"x\"]}").find("id"),
              std::string::npos);
  }
  for (const char* id : {"results.jsonl", "results.shard-1-of-2.jsonl", "report.html",
                         "golden.json", "session.jsonl"}) {
    EXPECT_NE(
        dialogue_refusal("{\"id\":\"" + std::string(id) + "\",\"turns\":[\"x\"]}").find("its own"),
        std::string::npos);
  }
  dialogue_refusal("{\"id\":\"" + std::string(65, 'x') + "\",\"turns\":[\"x\"]}");
}

TEST(DialogueTest, AJournalReplaysToTheSamePicturesWithoutTheRefiner) {
  fakes::FakeWorld world;
  Settings settings;
  settings.prompt = "a (red:1.2) star, no circle";
  settings.seed = 7;
  settings.candidates = 3;
  const std::vector<std::string> script = {
      "add a moon", "/like 2",     "/pick 3",        "no moon please", "/undo",
      "/seed 5",    "/lora x:0.5", "/prompt a tree", "add a cat",      "/accept 2"};
  {
    Session session = Session::start(world.parts(), "/s", {}, settings);
    session.draw_first({}, world.cancellation);
    world.image_model.before_drawing = [] { throw Error(ErrorKind::resource, "once"); };
    EXPECT_THROW(session.run("add a dog", {}, world.cancellation), Error);
    world.image_model.before_drawing = nullptr;
    for (const std::string& line : script) session.run(line, {}, world.cancellation);
  }
  const Dialogue dialogue = dialogue_of_journal(world.files.at("/s/session.jsonl"), "s", "j");
  ASSERT_EQ(dialogue.turns.size(), script.size() + 1);
  EXPECT_EQ(dialogue.turns[3], "/pick 3");

  fakes::FakeWorld again;
  RecordedRefiner refiner(dialogue.refinements);
  Parts parts = again.parts();
  parts.language_model = &refiner;
  Settings replayed;
  override_with(replayed, dialogue.settings, "dialogue");
  replayed.seed = *dialogue.seed;
  replayed.prompt = dialogue.turns[0];
  Session session = Session::start(parts, "/s", {}, replayed);
  session.draw_first({}, again.cancellation);
  for (std::size_t i = 1; i < dialogue.turns.size(); ++i)
    session.run(dialogue.turns[i], {}, again.cancellation);
  EXPECT_TRUE(session.over());
  for (const auto& [name, bytes] : world.files.files) {
    if (name.find(".png") != std::string::npos) {
      EXPECT_EQ(again.files.files[name], bytes) << name;
    }
  }
}

TEST(RecordedRefinerTest, ARecordThatDoesNotFitIsAMismatch) {
  RecordedRefiner refiner({{"bigger", "a large star", "", ""}});
  Cancellation cancellation;
  EXPECT_THROW(refiner.refine("a star", "smaller", cancellation), Error);
  const Refinement refinement = refiner.refine("a star", "bigger", cancellation);
  EXPECT_EQ(refinement.prompt, "a large star");
  EXPECT_TRUE(refinement.settled);
  EXPECT_THROW(refiner.refine("a star", "bigger", cancellation), Error);
}

}  // namespace
}  // namespace omr::session
