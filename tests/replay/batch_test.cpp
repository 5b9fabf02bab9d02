#include "omr/replay/batch.h"

#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/replay/environment.h"
#include "omr/replay/groups.h"
#include "omr/session/journal_reader.h"

#include "support/error_of.h"
#include "support/fake_parts.h"

namespace omr::replay {
namespace {

using fakes::FakeWorld;

const session::ModelIdentity kBatchIdentity{"models/scenes", {{"unet", "aa"}}};

std::vector<session::Dialogue> batch_dialogues() {
  return session::read_dialogues(
      "{\"id\":\"a\",\"seed\":1,\"turns\":[\"a star\",\"add a moon\",\"/accept\"]}\n"
      "{\"id\":\"b\",\"seed\":2,\"turns\":[\"a circle\",\"/like 1\",\"add a heart\"]}\n"
      "{\"id\":\"c\",\"seed\":3,\"turns\":[\"a square\"]}\n"
      "{\"id\":\"d\",\"seed\":4,\"turns\":[\"a tree\",\"add a house\",\"/pick 2\",\"add a "
      "cat\"]}\n",
      "test");
}

Preparation prepare(const session::Dialogue& dialogue) {
  Preparation out;
  out.settings.seed = dialogue.seed.value_or(0);
  out.settings.steps = 2;
  out.settings.candidates = 2;
  session::override_with(out.settings, dialogue.settings, "test");
  out.settings.prompt = dialogue.turns.at(0);
  return out;
}

class BatchTest : public ::testing::Test {
 protected:
  BatchSummary run(FakeWorld& world, const BatchOptions& options,
                   const std::vector<session::Dialogue>& list = batch_dialogues()) {
    BatchEvents events;
    events.dialogue = [this](const DialogueResult&, bool, std::size_t, std::size_t) { ++ended_; };
    return run_batch(list, options, prepare, world.parts(), kBatchIdentity, events,
                     world.cancellation);
  }
  static std::string results(FakeWorld& world) { return world.files.at("/out/results.jsonl"); }
  static BatchOptions options(bool resume = false, const Shard& shard = {}) {
    BatchOptions options;
    options.out = "/out";
    options.resume = resume;
    options.shard = shard;
    return options;
  }
  std::string uninterrupted() {
    FakeWorld world;
    run(world, options());
    return results(world);
  }

  int ended_ = 0;
};

TEST_F(BatchTest, EveryDialogueLeavesASessionAndALine) {
  FakeWorld world;
  const BatchSummary summary = run(world, options());
  EXPECT_TRUE(summary.complete);
  EXPECT_TRUE(summary.failed.empty());
  EXPECT_EQ(ended_, 4);
  const std::vector<DialogueResult> read = read_results(results(world), "r");
  ASSERT_EQ(read.size(), 4u);
  EXPECT_EQ(read, summary.results);
  EXPECT_EQ(read[0].status, DialogueStatus::accepted);
  EXPECT_EQ(read[3].status, DialogueStatus::ended);
  EXPECT_EQ(read[3].rounds, 3);
  for (const char* id : {"a", "b", "c", "d"}) {
    const std::string journal = world.files.at(std::string("/out/") + id + "/session.jsonl");
    EXPECT_EQ(session::read_journal(journal, id).torn_bytes, 0u);
  }
}

TEST_F(BatchTest, MergedShardsGiveWhatOneProcessGives) {
  FakeWorld world;
  EXPECT_FALSE(run(world, options(false, {1, 3})).complete);
  EXPECT_FALSE(run(world, options(false, {0, 3})).complete);
  EXPECT_EQ(world.files.files.count("/out/results.jsonl"), 0u);
  EXPECT_TRUE(run(world, options(false, {2, 3})).complete);
  EXPECT_EQ(results(world), uninterrupted());
}

TEST_F(BatchTest, ResumeSkipsWhatIsWholeAndWhatOtherShardsDid) {
  FakeWorld world;
  run(world, options(false, {0, 2}));
  const auto drawn = world.image_model.requests.size();
  const BatchSummary summary = run(world, options(true));
  EXPECT_EQ(summary.skipped, 2u);
  EXPECT_EQ(results(world), uninterrupted());
  EXPECT_GT(world.image_model.requests.size(), drawn);
  const auto all = world.image_model.requests.size();
  EXPECT_EQ(run(world, options(true)).skipped, 4u);
  EXPECT_EQ(world.image_model.requests.size(), all);
}

TEST_F(BatchTest, ResumingAWholeBatchClearsWhatAKillLeftAndAShardClearsNothing) {
  FakeWorld world;
  run(world, options());
  EXPECT_FALSE(world.files.cleared.contains("/out"));
  run(world, options(true, {0, 2}));
  EXPECT_FALSE(world.files.cleared.contains("/out")) << "others may write there";
  run(world, options(true));
  EXPECT_TRUE(world.files.cleared.contains("/out"));
}

TEST_F(BatchTest, ResultsAreNotOverwrittenUnasked) {
  FakeWorld world;
  run(world, options());
  EXPECT_EQ(error_of([&] { run(world, options()); }).kind(), ErrorKind::usage);
}

TEST_F(BatchTest, ResultsOfShardsAreGoneOnWithByShardsOfTheSameBatchAlone) {
  FakeWorld world;
  run(world, options(false, {0, 2}));
  for (const Shard& other : {Shard{}, Shard{0, 2}, Shard{1, 3}}) {
    EXPECT_TRUE(says(error_of([&] { run(world, options(false, other)); }), "shard-1-of-2"))
        << other.text();
  }
  EXPECT_TRUE(run(world, options(false, {1, 2})).complete);
}

TEST_F(BatchTest, ASessionThatNoBatchMadeIsLeftAlone) {
  FakeWorld world;
  {
    session::Settings own;
    own.prompt = "a person's picture";
    session::Session person = session::Session::start(world.parts(), "/out/b", kBatchIdentity, own);
    person.draw_first({}, world.cancellation);
  }
  const std::string journal = world.files.at("/out/b/session.jsonl");
  for (const char* attempt : {"first", "second"}) {  // the first leaves a line about it
    const BatchSummary summary = run(world, options(true));
    EXPECT_EQ(summary.failed, std::vector<std::string>{"b"}) << attempt;
    EXPECT_NE(summary.results[1].error.find("holds a session"), std::string::npos) << attempt;
    EXPECT_EQ(world.files.at("/out/b/session.jsonl"), journal) << attempt;
  }
}

TEST_F(BatchTest, ASessionIsNotReplacedByItsOwnReplay) {
  FakeWorld world;
  run(world, options());
  const auto before = world.files.files;
  std::vector<session::Dialogue> list = batch_dialogues();
  list[2].folder = "/out/x/../c";
  EXPECT_TRUE(says(error_of([&] { run(world, options(true), list); }), "another folder"));
  EXPECT_EQ(world.files.files, before);
}

TEST_F(BatchTest, ADialogueWhoseFilesAreGoneIsRunAgain) {
  FakeWorld world;
  run(world, options());
  std::erase_if(world.files.files, [](const auto& file) {
    return file.first.starts_with("/out/a/") || file.first == "/out/b/round-001.png";
  });
  EXPECT_EQ(run(world, options(true)).skipped, 2u);
  EXPECT_TRUE(world.files.exists("/out/a/round-002.png"));
  EXPECT_TRUE(world.files.exists("/out/b/round-001.png"));
  EXPECT_EQ(results(world), uninterrupted());
}

TEST_F(BatchTest, ADialogueRunsAgainWhereTheModelsRunOtherwise) {
  FakeWorld world;
  run(world, options());
  const Prepare quantised = [](const session::Dialogue& dialogue) {
    Preparation out = prepare(dialogue);
    out.execution = {{"refiner_nf4", "on"}};
    return out;
  };
  const auto again = [&] {
    return run_batch(batch_dialogues(), options(true), quantised, world.parts(), kBatchIdentity, {},
                     world.cancellation);
  };
  EXPECT_EQ(again().skipped, 0u);
  EXPECT_EQ(again().skipped, 4u);
}

TEST_F(BatchTest, ABadLineFailsAlone) {
  FakeWorld world;
  const auto list = session::read_dialogues(
      "{\"id\":\"a\",\"turns\":[]}\n{\"id\":\"b\",\"seed\":2,\"turns\":[\"a star\"]}\n", "f",
      session::BadLines::keep);
  const BatchSummary summary = run(world, options(), list);
  EXPECT_EQ(summary.failed, std::vector<std::string>{"bad-line-0001"});
  EXPECT_NE(summary.results[0].error.find("f, line 1"), std::string::npos);
  EXPECT_EQ(summary.results[1].status, DialogueStatus::ended);
}

TEST_F(BatchTest, AFailingDialogueIsReportedAndTheRestGoOn) {
  std::vector<session::Dialogue> list = batch_dialogues();
  list[1].turns.push_back("/pick 9");
  FakeWorld world;
  const BatchSummary summary = run(world, options(), list);
  EXPECT_EQ(summary.failed, std::vector<std::string>{"b"});
  EXPECT_EQ(summary.results[1].status, DialogueStatus::failed);
  EXPECT_NE(summary.results[1].error.find("turn 4"), std::string::npos);
  EXPECT_NE(summary.results[1].error.find("no candidate 9"), std::string::npos);
  EXPECT_EQ(summary.results.size(), 4u);

  const BatchSummary mended = run(world, options(true), batch_dialogues());
  EXPECT_EQ(mended.skipped, 3u);
  EXPECT_TRUE(mended.failed.empty());
  EXPECT_EQ(results(world), uninterrupted());
}

TEST_F(BatchTest, ADialogueThatIsAskedForOtherwiseIsRunAgain) {
  FakeWorld world;
  run(world, options());
  std::vector<session::Dialogue> list = batch_dialogues();
  list[2].settings = {{"steps", 3}};
  EXPECT_EQ(run(world, options(true), list).skipped, 3u);
  list[0].turns[1] = "add a big moon";
  EXPECT_EQ(run(world, options(true), list).skipped, 3u);
}

TEST_F(BatchTest, AnInterruptedBatchIsResumedToWhatItWouldHaveBeen) {
  const std::string expected = uninterrupted();
  for (int stop = 1; stop <= 8; ++stop) {
    FakeWorld world;
    int drawings = 0;
    world.image_model.before_drawing = [&] {
      if (++drawings == stop) world.cancellation.request();
    };
    EXPECT_EQ(error_of([&] { run(world, options()); }).kind(), ErrorKind::cancelled) << stop;
    world.cancellation.clear();
    run(world, options(true));
    EXPECT_EQ(results(world), expected) << stop;
  }
}

TEST_F(BatchTest, APowerCutAtEveryWriteIsResumedToWhatItWouldHaveBeen) {
  const std::string expected = uninterrupted();
  int cuts = 0;
  for (int n = 1;; ++n) {
    for (const std::size_t torn : {0u, 7u, 100000u}) {
      FakeWorld world;
      world.files.die_at(n, torn);
      try {
        run(world, options());
        EXPECT_GT(n, 40);
        EXPECT_GT(cuts, 100);
        return;
      } catch (const fakes::PowerCut&) {
        ++cuts;
      }
      world.files.restart();
      EXPECT_TRUE(run(world, options(true)).complete);
      ASSERT_EQ(results(world), expected) << "write " << n << ", torn " << torn;
    }
  }
}

TEST_F(BatchTest, AFullDiskFailsDialoguesAndResumeMendsThem) {
  FakeWorld world;
  world.files.disk_full_at(12, true);
  try {
    const BatchSummary summary = run(world, options());
    EXPECT_FALSE(summary.failed.empty());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
  world.files.restart();
  run(world, options(true));
  EXPECT_EQ(results(world), uninterrupted());
}

TEST_F(BatchTest, TheRecordedPromptsAreUsedUnlessTheRefinerIsAskedAgain) {
  FakeWorld recorded;
  run(recorded, options());
  session::Dialogue dialogue =
      session::dialogue_of_journal(recorded.files.at("/out/a/session.jsonl"), "a", "j");

  FakeWorld world;
  world.language_model.answer = [](const std::string& prompt, const std::string&) {
    session::Refinement refinement;
    refinement.prompt = prompt + " and a sun";
    return refinement;
  };
  BatchSummary summary = run(world, options(), {dialogue});
  EXPECT_EQ(world.language_model.calls, 0);
  EXPECT_EQ(summary.results[0].digest, read_results(results(recorded), "r")[0].digest);
  EXPECT_TRUE(summary.results[0].refiner_differences.empty());

  BatchOptions again = options();
  again.out = "/again";
  again.rerun_refiner = true;
  summary = run(world, again, {dialogue});
  EXPECT_EQ(world.language_model.calls, 1);
  ASSERT_EQ(summary.results[0].refiner_differences.size(), 1u);
  EXPECT_EQ(summary.results[0].refiner_differences[0],
            (RefinerDifference{2, "a star and a moon", "a star and a sun"}));
  EXPECT_EQ(read_results(world.files.at("/again/results.jsonl"), "r"), summary.results);
}

// Several dialogues at once.
class TogetherTest : public BatchTest {
 protected:
  static BatchOptions together(std::size_t size, bool resume = false, const Shard& shard = {}) {
    BatchOptions out = options(resume, shard);
    out.together = size;
    return out;
  }
  // What the whole batch gives, three at a time, with pictures that show who they were drawn with.
  std::string whole() {
    FakeWorld world;
    world.image_model.batch_shows = true;
    run(world, together(3));
    return results(world);
  }
};

TEST_F(TogetherTest, GivesWhatOneByOneGives) {
  for (const std::size_t size : {2u, 3u, 4u, 100u}) {
    FakeWorld world;
    const BatchSummary summary = run(world, together(size));
    EXPECT_TRUE(summary.complete);
    EXPECT_EQ(results(world), uninterrupted()) << size;
    for (const char* id : {"a", "b", "c", "d"}) {
      const std::string journal = world.files.at(std::string("/out/") + id + "/session.jsonl");
      EXPECT_EQ(session::read_journal(journal, id).torn_bytes, 0u);
    }
  }
}

TEST_F(TogetherTest, DrawsThePicturesOfAllInOneBatch) {
  FakeWorld world;
  run(world, together(4));
  EXPECT_EQ(world.image_model.batches, (std::vector<std::size_t>{4, 3, 1}));
  EXPECT_EQ(world.reward_model.text_calls, 3);
}

TEST_F(TogetherTest, AnErrorReachesItsOwnDialogueAlone) {
  FakeWorld world;
  world.image_model.before_drawing = [&] {
    if (world.image_model.requests.back().prompt.find("circle") != std::string::npos)
      throw Error(ErrorKind::usage, "no circles");
  };
  const BatchSummary summary = run(world, together(4));
  EXPECT_EQ(summary.failed, std::vector<std::string>{"b"});
  EXPECT_NE(summary.results[1].error.find("no circles"), std::string::npos);
  EXPECT_EQ(summary.results[0].digest, read_results(uninterrupted(), "r")[0].digest);
}

TEST_F(TogetherTest, ShardsGiveWhatOneProcessGives) {
  FakeWorld world;
  world.image_model.batch_shows = true;
  EXPECT_FALSE(run(world, together(3, false, {1, 2})).complete);
  EXPECT_TRUE(run(world, together(3, false, {0, 2})).complete);
  EXPECT_EQ(results(world), whole());
  EXPECT_NE(results(world), uninterrupted());
}

TEST_F(TogetherTest, AnInterruptedBatchIsResumedToWhatItWouldHaveBeen) {
  const std::string expected = whole();
  for (int stop = 1; stop <= 8; ++stop) {
    FakeWorld world;
    world.image_model.batch_shows = true;
    int drawings = 0;
    world.image_model.before_drawing = [&] {
      if (++drawings == stop) world.cancellation.request();
    };
    EXPECT_EQ(error_of([&] { run(world, together(3)); }).kind(), ErrorKind::cancelled) << stop;
    world.cancellation.clear();
    run(world, together(3, true));
    EXPECT_EQ(results(world), expected) << stop;
  }
}

TEST_F(TogetherTest, APowerCutAtEveryWriteIsResumedToWhatItWouldHaveBeen) {
  const std::string expected = whole();
  int cuts = 0;
  for (int n = 1;; ++n) {
    FakeWorld world;
    world.image_model.batch_shows = true;
    world.files.die_at(n, 7);
    try {
      run(world, together(3));
      EXPECT_GT(cuts, 40);
      return;
    } catch (const fakes::PowerCut&) {
      ++cuts;
    }
    world.files.restart();
    EXPECT_TRUE(run(world, together(3, true)).complete);
    ASSERT_EQ(results(world), expected) << "write " << n;
  }
}

TEST(GroupsTest, DialoguesOfLikeLengthAndSettingsShareAGroup) {
  std::vector<session::Dialogue> list(5);
  list[0].turns = {"a star"};
  list[1].turns = {"a star", "bigger", "/accept"};
  list[2].turns = {"a star", "/like"};
  list[3].turns = {"a star", "bigger"};
  list[4].turns = {"a star", "bigger"};
  list[4].settings = {{"steps", 3}};
  using Groups = std::vector<std::vector<std::size_t>>;
  EXPECT_EQ(groups_of(list, 1), (Groups{{0}, {1}, {2}, {3}, {4}}));
  EXPECT_EQ(groups_of(list, 2), (Groups{{4, 0}, {2, 1}, {3}}));
  list[2].error = "not a dialogue";
  EXPECT_EQ(groups_of(list, 2), (Groups{{4, 0}, {1, 3}, {2}}));
}

TEST(EnvironmentTest, TheSizeOfABatchIsPartOfTheMachineClass) {
  const Environment one = {
      {"torch", "2"}, {"cpu", "c"}, {"threads", "1"}, {"device", "cpu"}, {"dtype", "fp32"}};
  Environment eight = one;
  eight["batch"] = "8";
  EXPECT_TRUE(same_machine_class(eight, eight));
  EXPECT_FALSE(same_machine_class(one, eight));
  EXPECT_FALSE(same_machine_class(eight, one));
}

TEST(ResultsTest, ATornLineIsPassedOverAndAWrongOneNamed) {
  const std::string line = to_line({"a", DialogueStatus::failed, 2, "i", "", "no\n", {}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(read_results(line + "\n" + line.substr(0, 9), "r").size(), 1u);
  EXPECT_TRUE(says(error_of([&] { read_results("{}\n", "r"); }), "r, line 1"));
  EXPECT_TRUE(
      says(error_of([&] { read_results("{\"id\":\"a\",\"status\":\"odd\",\"rounds\":1}\n", "r"); }),
           "status"));
}

}  // namespace
}  // namespace omr::replay
