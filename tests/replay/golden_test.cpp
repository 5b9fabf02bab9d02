#include "omr/replay/golden.h"

#include <gtest/gtest.h>

#include "omr/replay/batch.h"
#include "omr/replay/comparison.h"
#include "omr/session/words.h"

#include "support/error_of.h"
#include "support/fake_parts.h"

namespace omr::replay {
namespace {

using fakes::FakeWorld;

const session::ModelIdentity kGoldenIdentity{"models/scenes", {{"unet", "aa"}, {"vae", "bb"}}};
const Environment kHere = {{"omr", "omr 1"}, {"torch", "2"},    {"cpu", "x"},
                           {"threads", "2"}, {"device", "cpu"}, {"dtype", "Float"}};

std::vector<session::Dialogue> golden_dialogues(const std::string& feedback = "add a moon") {
  return session::read_dialogues(
      "{\"id\":\"a\",\"seed\":1,\"turns\":[\"a star\",\"" + feedback + "\",\"/accept\"]}\n" +
          "{\"id\":\"b\",\"seed\":2,\"turns\":[\"a circle\",\"/pick 2\",\"add a heart\"]}\n",
      "test");
}

// The fake model with its pictures' bytes changed: broken or other weights.
class OtherWeights : public fakes::FakeImageModel {
 public:
  int off_by = 0;      // added to one channel of one pixel
  int off_by_all = 0;  // to all

  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    auto out = FakeImageModel::generate(request, progress, cancellation);
    for (session::Candidate& one : out) {
      for (std::uint8_t& value : one.image.pixels)
        value = static_cast<std::uint8_t>(value ^ off_by_all);
      one.image.pixels[3] = static_cast<std::uint8_t>(one.image.pixels[3] ^ off_by);
      if (off_by_all > 0) one.latents.values[0] += 1;
    }
    return out;
  }
};

// Words to numbers.
std::vector<std::int64_t> tokenize(const std::string& prompt) {
  std::vector<std::int64_t> ids;
  for (const session::Word& word : session::split_words(prompt))
    ids.push_back(static_cast<std::int64_t>(fakes::hash_of(word.folded) % 10000));
  return ids;
}

class GoldenTest : public ::testing::Test {
 protected:
  struct Ask {
    std::function<void(session::Settings&)> change = [](session::Settings&) {};
    std::string feedback = "add a moon";
    Environment environment = kHere;
    session::ModelIdentity identity = kGoldenIdentity;
    int off_by = 0;
    int off_by_all = 0;
    bool rewards = true;
  };

  ComparedRun run(const std::string& out, const Ask& ask) {
    OtherWeights model;
    model.off_by = ask.off_by;
    model.off_by_all = ask.off_by_all;
    session::RewardModel* rewards = ask.rewards ? &world_.reward_model : nullptr;
    session::Parts parts{model,        &world_.language_model, rewards,
                         world_.codec, world_.files,           world_.clock};
    const Prepare prepare = [&](const session::Dialogue& dialogue) {
      Preparation made;
      made.settings.seed = dialogue.seed.value();
      made.settings.steps = 2;
      made.settings.candidates = 2;
      made.settings.loras = {{"/somewhere/x.safetensors", 1.0}};
      made.settings.prompt = dialogue.turns.at(0);
      ask.change(made.settings);
      return made;
    };
    BatchOptions options;
    options.out = out;
    const BatchSummary summary = run_batch(golden_dialogues(ask.feedback), options, prepare, parts,
                                           ask.identity, {}, world_.cancellation);
    ComparedRun made{out, ask.environment, ask.identity, {}, {}};
    for (const DialogueResult& one : summary.results) {
      made.dialogues.push_back(
          read_recorded(std::filesystem::path(out) / one.id, one.id, world_.files, tokenize));
    }
    return made;
  }

  void make_golden(const Limits& limits = {}, bool rewards = true) {
    const std::string out = "/first-" + std::to_string(++runs_);
    const ComparedRun first = run(out, {.rewards = rewards});
    Golden golden;
    golden.environment = first.environment;
    golden.identity = first.identity;
    golden.limits = limits;
    golden.dialogues = first.dialogues;
    golden.history = {{"2026-01-31T12:00:00Z", "the first", "omr 1"}};
    write_golden("/golden", golden, world_.files);
  }

  Comparison check(const Ask& ask) {
    if (world_.files.files.count("/golden/golden.json") == 0) make_golden();
    const std::string out = "/run-" + std::to_string(++runs_);
    run_ = run(out, ask);
    return compare_with_golden(read_golden("/golden", world_.files), run_, world_.files,
                               world_.codec);
  }

  static std::string all(const Comparison& comparison) {
    std::string text;
    for (const DialogueComparison& dialogue : comparison.dialogues) {
      for (const std::string& line : dialogue.differences) text += dialogue.id + ": " + line + "\n";
    }
    return text;
  }

  static Ask elsewhere() { return elsewhere(Ask{}); }
  static Ask elsewhere(Ask ask) {
    ask.environment["threads"] = "8";
    return ask;
  }

  FakeWorld world_;
  ComparedRun run_;
  int runs_ = 0;
};

TEST_F(GoldenTest, ComesBackAsItWasWritten) {
  make_golden();
  const std::string text = world_.files.at("/golden/golden.json");
  const Golden read = read_golden("/golden", world_.files);
  EXPECT_EQ(read.environment, kHere);
  EXPECT_EQ(read.history.at(0).reason, "the first");
  ASSERT_EQ(read.dialogues.size(), 2u);
  EXPECT_EQ(read.dialogues[0].rounds[1].token_ids, tokenize("a star and a moon"));
  EXPECT_EQ(read.dialogues[0].accepted, 2);
  write_golden("/again", read, world_.files);
  EXPECT_EQ(world_.files.at("/again/golden.json"), text);
  for (const char* name : {"a/round-001-c1.png", "a/round-002-c2.png", "b/round-001-c1.png"}) {
    EXPECT_EQ(world_.files.at(std::string("/again/") + name),
              world_.files.at(std::string("/golden/") + name));
  }
}

TEST_F(GoldenTest, TheSameRunIsEqualOnEveryMachine) {
  Comparison same = check({});
  EXPECT_TRUE(same.exact);
  EXPECT_TRUE(same.equal()) << all(same);
  EXPECT_TRUE(same.inputs.empty());
  same = check(elsewhere());
  EXPECT_FALSE(same.exact);
  EXPECT_TRUE(same.equal()) << all(same);
  EXPECT_EQ(same.inputs, std::vector<std::string>{"threads: 2 → 8"});
  const Comparison other =
      check({.identity = {"m", {{"unet", "cc"}, {"vae", "bb"}, {"x settings", "dd"}}}});
  EXPECT_EQ(other.inputs,
            (std::vector<std::string>{"weights of unet: aa → cc", "x settings: none → dd"}));
}

TEST_F(GoldenTest, EveryDeliberateMistakeIsCaughtOnBothTiers) {
  const std::pair<const char*, Ask> mistakes[] = {
      {"picture",
       {.identity = {"models/scenes", {{"unet", "cc"}, {"vae", "bb"}}}, .off_by_all = 64}},
      {"digest of the latents", {.off_by_all = 64}},
      {"setting seed", {.change = [](session::Settings& s) { s.seed += 1; }}},
      {"setting scheduler", {.change = [](session::Settings& s) { s.scheduler = "euler"; }}},
      {"setting lora", {.change = [](session::Settings& s) { s.loras[0].weight = 0.99; }}},
      {"turns", {.feedback = "add a sun"}},
      {"prompt", {.feedback = "add a sun"}},
      {"token ids", {.feedback = "add a sun"}},
      {"setting steps", {.change = [](session::Settings& s) { s.steps = 3; }}}};
  for (const auto& [word, mistake] : mistakes) {
    for (const bool away : {false, true}) {
      const Comparison comparison = check(away ? elsewhere(mistake) : mistake);
      EXPECT_FALSE(comparison.equal()) << word;
      const bool shown = away && std::string(word) == "digest of the latents";  // on one machine
      EXPECT_NE(shown, all(comparison).find(word) != std::string::npos) << word << "\n"
                                                                        << all(comparison);
    }
  }
}

TEST_F(GoldenTest, ALittleNoiseIsADifferenceOnTheSameMachineOnly) {
  // Without rewards: the fake reward model tells any two pictures apart.
  const Ask noise{.off_by = 1, .rewards = false};
  make_golden({4, 1, 0.5, 0.1}, false);
  const Comparison here = check(noise);
  EXPECT_FALSE(here.equal());
  EXPECT_NE(all(here).find("off by at most 1"), std::string::npos) << all(here);
  const Comparison away = check(elsewhere(noise));
  EXPECT_TRUE(away.equal()) << all(away);
  ASSERT_FALSE(away.dialogues[0].pictures.empty());
  EXPECT_TRUE(away.dialogues[0].pictures[0].within_limits);
  EXPECT_EQ(away.dialogues[0].largest, 1);
  EXPECT_FALSE(check(elsewhere({.off_by = 8, .rewards = false})).equal());
}

TEST_F(GoldenTest, RewardsMayBeOffWithinTheirLimit) {
  make_golden();
  Golden golden = read_golden("/golden", world_.files);
  golden.dialogues[0].rounds[0].record.candidates[0].rewards.pref += 0.005;
  write_golden("/golden", golden, world_.files);
  EXPECT_NE(all(check({})).find("reward pref"), std::string::npos);
  EXPECT_TRUE(check(elsewhere()).equal());
  golden.dialogues[0].rounds[0].record.candidates[0].rewards.pref += 0.5;
  write_golden("/golden", golden, world_.files);
  EXPECT_FALSE(check(elsewhere()).equal());
}

TEST_F(GoldenTest, DialoguesThatAreMissingNewOrFailedAreDifferences) {
  make_golden();
  const Golden golden = read_golden("/golden", world_.files);
  ComparedRun other = run("/other", {});
  other.dialogues[1].dialogue.id = "z";
  other.failed["a"] = "no <memory>";
  const Comparison found = compare_with_golden(golden, other, world_.files, world_.codec);
  EXPECT_EQ(found.different(), 3u);
  EXPECT_NE(all(found).find("a: failed: no <memory>"), std::string::npos);
  EXPECT_NE(all(found).find("b: it was not run"), std::string::npos);
  EXPECT_NE(all(found).find("z: the golden run does not hold it"), std::string::npos);
  const std::string xml = junit_xml(found);
  EXPECT_NE(xml.find("failures=\"3\""), std::string::npos);
  EXPECT_NE(xml.find("no &lt;memory&gt;"), std::string::npos);
}

TEST_F(GoldenTest, AFolderOfSessionsServesAsAGoldenRun) {
  run("/sessions", {});
  const Golden golden = read_golden("/sessions", world_.files);
  EXPECT_EQ(golden.dialogues.size(), 2u);
  EXPECT_EQ(golden.identity.sha256, kGoldenIdentity.sha256);
  const ComparedRun again = run("/again", {});
  EXPECT_TRUE(compare_with_golden(golden, again, world_.files, world_.codec).equal());
  const ComparedRun wrong = run("/wrong", {.off_by_all = 64});
  EXPECT_FALSE(compare_with_golden(golden, wrong, world_.files, world_.codec).equal());
  EXPECT_EQ(error_of([&] { read_golden("/nothing", world_.files); }).kind(), ErrorKind::usage);
}

TEST_F(GoldenTest, AFolderOfAnyNameServesAsAGoldenSession) {
  run("/sessions", {});
  const auto files = world_.files.files;
  for (const auto& [name, bytes] : files) {
    if (name.starts_with("/sessions/a/"))
      world_.files.files["/own/my session\033/" + name.substr(12)] = bytes;
  }
  const Golden golden = read_golden("/own", world_.files);
  ASSERT_EQ(golden.dialogues.size(), 1u);
  EXPECT_EQ(golden.dialogues[0].dialogue.id, "my-session-");
  for (const int off : {0, 64}) {
    ComparedRun again = run("/again-" + std::to_string(off), {.off_by_all = off});
    again.dialogues.pop_back();
    again.dialogues[0].dialogue.id = "my-session-";
    const Comparison found = compare_with_golden(golden, again, world_.files, world_.codec);
    EXPECT_EQ(found.equal(), off == 0) << all(found);
    EXPECT_EQ(found.dialogues.at(0).pictures.empty(), off == 0);
  }
}

TEST_F(GoldenTest, ALongSessionIsReadAsItWasWritten) {
  make_golden();
  Golden golden = read_golden("/golden", world_.files);
  golden.dialogues[0].dialogue.turns.resize(30000, "a line that is as long as people write them");
  write_golden("/golden", golden, world_.files);
  EXPECT_EQ(read_golden("/golden", world_.files).dialogues[0].dialogue.turns,
            golden.dialogues[0].dialogue.turns);
}

TEST_F(GoldenTest, APictureThatIsNotTheRecordedOneIsTold) {
  make_golden();
  world_.files.files["/golden/b/round-001-c2.png"] += "x";
  EXPECT_NE(all(check({})).find("b: round 1, candidate 2: the golden run's picture is not the one"),
            std::string::npos);
  EXPECT_TRUE(world_.files.cleared.contains("/golden/b")) << "of what a kill left";
}

TEST_F(GoldenTest, IsNotMixedWithSessions) {
  run("/sessions", {});
  Golden golden = read_golden("/sessions", world_.files);
  EXPECT_EQ(error_of([&] { write_golden("/sessions", golden, world_.files); }).kind(),
            ErrorKind::usage);
}

TEST_F(GoldenTest, ThePageShowsWhatChangedAndEscapesIt) {
  Comparison comparison = check({.feedback = "add a <b>sun</b>"});
  const std::string page = comparison_page(comparison, "golden<");
  EXPECT_EQ(page.find("<b>sun"), std::string::npos);
  EXPECT_NE(page.find("difference, brightened"), std::string::npos);
  EXPECT_NE(page.find("golden&lt;"), std::string::npos);
  EXPECT_NE(comparison_page(check({}), "g").find("as they were"), std::string::npos);
}

TEST_F(GoldenTest, ADamagedFileIsRefusedAtEveryByte) {
  make_golden();
  const std::string text = world_.files.at("/golden/golden.json");
  for (std::size_t size = 0; size < text.size() - 2; size += 13) {
    world_.files.files["/golden/golden.json"] = text.substr(0, size);
    EXPECT_EQ(error_of([&] { read_golden("/golden", world_.files); }).kind(), ErrorKind::format);
  }
  for (const char* wrong : {"\"max\": 999", "\"max\": \"x\""}) {
    std::string bad = text;
    bad.replace(bad.find("\"max\": 4"), 8, wrong);
    world_.files.files["/golden/golden.json"] = bad;
    EXPECT_TRUE(says(error_of([&] { read_golden("/golden", world_.files); }), "\"max\""));
  }
  std::string bad = text;
  bad.replace(bad.find("\"id\": \"a\""), 9, "\"id\": \"../a\"");
  world_.files.files["/golden/golden.json"] = bad;
  EXPECT_TRUE(says(error_of([&] { read_golden("/golden", world_.files); }), "cannot name a file"));
}

}  // namespace
}  // namespace omr::replay
