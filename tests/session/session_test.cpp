#include "omr/session/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "omr/session/candidate_plan.h"
#include "omr/session/dialogue.h"
#include "omr/session/journal_reader.h"
#include "omr/session/prompt_syntax.h"

#include "support/fake_parts.h"

namespace omr::session {
namespace {

using fakes::FakeWorld;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::filesystem::path kFolder = "/s";
const ModelIdentity kIdentity{"models/scenes", {{"unet", "aa"}, {"vae", "bb"}}};

Settings settings(int candidates = 2) {
  Settings settings;
  settings.prompt = "a red star on a navy background";
  settings.seed = 7;
  settings.steps = 3;
  settings.candidates = candidates;
  return settings;
}

class SessionTest : public ::testing::Test {
 protected:
  Session start(const Settings& with = settings()) {
    return Session::start(world_.parts(), kFolder, kIdentity, with, events_);
  }
  Session resume() { return Session::resume(world_.parts(), kFolder, kIdentity, events_); }
  template <typename T>
  T run(Session& session, const std::string& line) {
    return std::get<T>(session.run(line, events_, world_.cancellation));
  }
  Session begun(const Settings& with = settings()) {
    Session session = start(with);
    session.draw_first(events_, world_.cancellation);
    return session;
  }
  ErrorKind refusal(Session& session, const std::string& line) {
    try {
      session.run(line, events_, world_.cancellation);
    } catch (const Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << "taken: " << line;
    return ErrorKind::io;
  }
  std::string journal() { return world_.files.at(kFolder / "session.jsonl"); }
  const ImageRequest& last_request() { return world_.image_model.requests.back(); }

  FakeWorld world_;
  std::vector<std::string> lines_;
  SessionEvents events_ = [this] {
    SessionEvents events;
    events.line = [this](const std::string& line) { lines_.push_back(line); };
    return events;
  }();
};

TEST_F(SessionTest, FiveRoundsAndAcceptLeaveAWholeJournal) {
  Session session = begun();
  for (const char* line : {"add a moon", "add a heart", "add a tree", "add a house"}) {
    const auto done = run<RoundDone>(session, line);
    EXPECT_EQ(done.record.feedback, line);
    EXPECT_FALSE(done.prompt_diff.empty());
    EXPECT_EQ(world_.files.files.count(done.image.string()), 1u);
  }
  const auto accepted = run<Accepted>(session, "/accept");
  EXPECT_EQ(accepted.round, 5);
  EXPECT_TRUE(session.over());
  EXPECT_EQ(session.state().round(5).record.t, 4);
  EXPECT_EQ(session.state().round(5).record.prompt,
            "a red star on a navy background and a moon and a heart and a tree and a house");

  const Journal read = read_journal(journal(), "j");
  EXPECT_EQ(read.records.size(), 6u);
  std::string joined;
  for (const std::string& line : lines_) joined += line + "\n";
  EXPECT_EQ(joined, journal());
  for (const char* name : {"/s/round-001.png", "/s/round-005.png", "/s/round-005.safetensors"}) {
    EXPECT_EQ(world_.files.files.count(name), 1u) << name;
  }
  EXPECT_EQ(refusal(session, "one more"), ErrorKind::usage);
}

TEST_F(SessionTest, TheFirstRoundDrawsThePromptWithoutTheRefiner) {
  Settings with = settings();
  with.prompt = "a (red:1.2) star, no circle";
  with.negative_prompt = "blurry";
  Session session = begun(with);
  EXPECT_EQ(world_.language_model.calls, 0);
  EXPECT_EQ(last_request().prompt, "a (red:1.2) star");
  EXPECT_EQ(last_request().negative_prompt, "blurry, circle");
  ASSERT_EQ(last_request().candidates.size(), 2u);
  EXPECT_EQ(last_request().candidates[0].seed, 7u);
  EXPECT_EQ(last_request().candidates[1].seed, 8u);
  for (const PhraseWeight& weight : last_request().weights) EXPECT_EQ(weight.weight, 1.0);
  const RoundRecord& record = session.state().round(1).record;
  EXPECT_EQ(record.lambda, (RewardTerms{1, 0, 0}));
  for (const CandidateRecord& candidate : record.candidates) EXPECT_EQ(candidate.rewards.cons, 0.0);
}

TEST_F(SessionTest, TheJournalsTotalsFollowFromItsRewards) {
  Session session = begun(settings(3));
  run<RoundDone>(session, "add a moon");
  run<Reacted>(session, "/like 2");
  run<RoundDone>(session, "add a heart");
  for (const RoundNode& node : session.state().rounds) {
    const RoundRecord& record = node.record;
    double best = -1e9;
    for (const CandidateRecord& candidate : record.candidates) {
      const CandidateRewards& r = candidate.rewards;
      const RewardTerms& m = record.multipliers;
      EXPECT_NEAR(r.total,
                  r.pref + record.lambda.div * m.div * r.div +
                      record.lambda.cons * m.cons * r.cons + record.lambda.mi * m.mi * r.mi,
                  1e-12);
      best = std::max(best, r.total);
    }
    EXPECT_EQ(record.candidates[record.picked - 1].rewards.total, best);
  }
}

TEST_F(SessionTest, LaterRoundsWeighChangedPhrasesAndStartFromKeptLatents) {
  Session session = begun();
  const int picked = session.state().round(1).picked;
  run<RoundDone>(session, "add a moon");
  const ImageRequest& request = last_request();
  EXPECT_FALSE(request.candidates[0].init);
  EXPECT_EQ(request.candidates[0].seed, 7u + static_cast<unsigned>(picked) - 1);
  ASSERT_TRUE(request.candidates[1].init);
  EXPECT_EQ(request.candidates[1].strength, kLocalStrength);
  EXPECT_TRUE(request.candidates[1].local);
  EXPECT_EQ(request.region.value().contrast, "a red star on a navy background");
  // The fake's latents are small whole numbers: those of the picked candidate of round 1.
  FakeWorld other;
  const auto first =
      other.image_model.generate(world_.image_model.requests[0], {}, other.cancellation);
  EXPECT_EQ(*request.candidates[1].init, first[picked - 1].latents);

  const std::string plain = parse_weights(request.prompt).text;
  bool weighed = false;
  for (const PhraseWeight& weight : request.weights) {
    EXPECT_EQ(plain.substr(weight.begin, weight.end - weight.begin), weight.text);
    if (weight.text == "a moon") weighed = weight.weight > 1.04;
  }
  EXPECT_TRUE(weighed);
}

TEST_F(SessionTest, PhraseWeightsCanBeSwitchedOff) {
  Settings with = settings();
  with.use_phrase_weights = false;
  Session session = begun(with);
  run<Reacted>(session, "/dislike");
  run<RoundDone>(session, "add a moon");
  for (const PhraseWeight& weight : last_request().weights) EXPECT_EQ(weight.weight, 1.0);
}

TEST_F(SessionTest, OptionsHoldFromTheNextRoundAndComeBackWithTheirRound) {
  Session session = begun();
  run<OptionsChanged>(session, "/seed 99");
  run<OptionsChanged>(session, "/strength 0.4");
  run<OptionsChanged>(session, "/lora x.safetensors:0.5");
  run<RoundDone>(session, "add a moon");
  EXPECT_EQ(last_request().candidates[0].seed, 99u);
  EXPECT_EQ(last_request().candidates[0].strength, 0.4);
  EXPECT_THAT(last_request().loras, ElementsAre(LoraChoice{"x.safetensors", 0.5}));
  run<Moved>(session, "/undo");
  EXPECT_EQ(session.state().options, (Options{7, std::nullopt, {}, 3, 2}));
  run<Moved>(session, "/redo");
  EXPECT_EQ(session.state().options.seed, 99u);
  run<OptionsChanged>(session, "/lora x.safetensors:0");
  EXPECT_THAT(session.state().options.loras, IsEmpty());
  EXPECT_EQ(refusal(session, "/lora x.safetensors:0"), ErrorKind::usage);
  EXPECT_EQ(refusal(session, "/lora bad.safetensors"), ErrorKind::mismatch);
}

TEST_F(SessionTest, StepsAndCandidatesHoldFromTheNextRound) {
  Session session = begun();
  run<OptionsChanged>(session, "/steps 5");
  run<OptionsChanged>(session, "/candidates 3");
  const auto done = run<RoundDone>(session, "add a moon");
  EXPECT_EQ(last_request().steps, 5);
  EXPECT_EQ(last_request().candidates.size(), 3u);
  EXPECT_EQ(done.record.steps, 5);
  run<Moved>(session, "/undo");
  EXPECT_EQ(session.state().options.candidates, 2);
}

TEST_F(SessionTest, WhoDislikesAPictureIsNotShownItAgain) {
  world_.language_model.answer = [](const std::string& prompt, const std::string&) {
    Refinement same;
    same.prompt = prompt;
    return same;
  };
  Session session = begun();
  run<RoundDone>(session, "try again");
  for (const CandidateRequest& candidate : last_request().candidates) {
    EXPECT_NE(candidate.seed, session.state().round(1).record.candidates[0].seed);
    EXPECT_NE(candidate.seed, session.state().round(1).record.candidates[1].seed);
  }
  run<Reacted>(session, "/like");
  const int picked = session.state().round(2).picked;
  run<RoundDone>(session, "I like it");
  EXPECT_EQ(last_request().candidates[0].seed,
            session.state().round(2).record.candidates[picked - 1].seed);
}

TEST_F(SessionTest, FeedbackThatChangesNoWordRedrawsWhatItSpeaksOf) {
  world_.language_model.answer = [](const std::string& prompt, const std::string&) {
    Refinement same;
    same.prompt = prompt;
    return same;
  };
  Session session = begun();
  run<RoundDone>(session, "the star is not a star");
  EXPECT_EQ(last_request().region.value().contrast, "on a navy background");
  EXPECT_GT(last_request().weights[0].weight, 1.04);
}

TEST_F(SessionTest, TheJournalSaysWhoAskedWhenTold) {
  Parts parts = world_.parts();
  parts.user = "Ada";
  { Session session = Session::start(parts, kFolder, kIdentity, settings(), events_); }
  parts.user = "Bob";
  Session session = Session::resume(parts, kFolder, kIdentity, events_);
  session.draw_first(events_, world_.cancellation);
  const Journal read = read_journal(journal(), "j");
  EXPECT_EQ(read.session.user, "Ada");
  EXPECT_EQ(std::get<ResumeRecord>(read.records.at(0)).user, "Bob");
  EXPECT_EQ(session.state().round(1).record.user, "Bob");
}

TEST_F(SessionTest, UndoRedoAndGotoMakeATree) {
  Session session = begun();
  run<RoundDone>(session, "add a moon");
  run<RoundDone>(session, "add a heart");
  EXPECT_EQ(run<Moved>(session, "/undo").round, 2);
  EXPECT_EQ(run<Moved>(session, "/undo").round, 1);
  EXPECT_EQ(refusal(session, "/undo"), ErrorKind::usage);
  EXPECT_EQ(run<Moved>(session, "/redo").round, 2);
  const auto branch = run<RoundDone>(session, "add a tree");
  EXPECT_EQ(branch.record.round, 4);
  EXPECT_EQ(branch.record.parent, 2);
  EXPECT_EQ(branch.t, 2);
  EXPECT_EQ(branch.record.prompt, "a red star on a navy background and a moon and a tree");
  EXPECT_EQ(refusal(session, "/redo"), ErrorKind::usage);
  EXPECT_EQ(run<Moved>(session, "/goto 3").from, 4);
  EXPECT_EQ(run<Moved>(session, "/undo").round, 4);
  EXPECT_EQ(refusal(session, "/goto 9"), ErrorKind::usage);
  run<Moved>(session, "/goto 1");
  EXPECT_EQ(run<RoundDone>(session, "add a house").t, 1);
}

TEST_F(SessionTest, PromptIsDrawnExactlyAsGiven) {
  Session session = begun();
  const auto done = run<RoundDone>(session, "/prompt a (blue:1.3) moon, no star");
  EXPECT_EQ(done.record.prompt, "a (blue:1.3) moon");
  EXPECT_EQ(done.record.negative_prompt, "star");
  EXPECT_EQ(done.record.feedback, "");
  EXPECT_EQ(world_.language_model.calls, 0);
  EXPECT_EQ(run<RoundDone>(session, "add a star").record.negative_prompt, "");
  EXPECT_EQ(refusal(session, "/prompt no star"), ErrorKind::usage);
}

TEST_F(SessionTest, APickShowsAndKeepsTheChosenPicture) {
  Session session = begun(settings(3));
  const RoundRecord record = session.state().round(1).record;
  const int other = record.picked == 1 ? 2 : 1;
  const std::string chosen = world_.files.at(kFolder / record.candidates[other - 1].image);
  const auto picked = run<Picked>(session, "/pick " + std::to_string(other));
  EXPECT_EQ(world_.files.at(picked.image), chosen);
  EXPECT_EQ(picked.image, kFolder / "round-001.png");
  for (int k = 1; k <= 3; ++k) {
    EXPECT_EQ(world_.codec.sha256(world_.files.at(session.image_path(1, k))),
              record.candidates[k - 1].sha256);
  }
  EXPECT_NE(picked.multipliers, (RewardTerms{1, 1, 1}));
  EXPECT_EQ(refusal(session, "/pick 4"), ErrorKind::usage);
  run<RoundDone>(session, "add a moon");
  FakeWorld same;
  const auto first =
      same.image_model.generate(world_.image_model.requests[0], {}, same.cancellation);
  EXPECT_EQ(last_request().candidates[1].init, first[other - 1].latents);
}

TEST_F(SessionTest, AReactionTeachesOnceAndAcceptMayNameACandidate) {
  Session session = begun();
  const auto liked = run<Reacted>(session, "/like 2");
  EXPECT_EQ(run<Reacted>(session, "/like 2").multipliers, liked.multipliers);
  EXPECT_NE(run<Reacted>(session, "/dislike 2").multipliers, liked.multipliers);
  const int other = 3 - session.state().round(1).picked;
  const auto accepted = run<Accepted>(session, "/accept " + std::to_string(other));
  EXPECT_EQ(accepted.candidate, other);
  EXPECT_EQ(world_.codec.sha256(world_.files.at(accepted.image)),
            session.state().round(1).record.candidates[other - 1].sha256);
}

TEST_F(SessionTest, ViewsAndBlankLinesLeaveNoTrace) {
  Session session = begun();
  const std::string before = journal();
  run<Nothing>(session, "   ");
  run<ShowHelp>(session, "/help");
  run<ShowState>(session, "/show");
  run<ShowWeights>(session, "/weights");
  EXPECT_EQ(refusal(session, "/pikc 2"), ErrorKind::usage);
  EXPECT_EQ(refusal(session, std::string(100'000, 'x')), ErrorKind::usage);
  EXPECT_EQ(journal(), before);
}

TEST_F(SessionTest, AnInterruptDropsTheRoundAndTheSessionGoesOn) {
  Session session = begun();
  const std::string prompt = session.state().base_prompt().text;
  world_.image_model.before_drawing = [this] { world_.cancellation.request(); };
  EXPECT_EQ(run<RoundCancelled>(session, "add a moon").feedback, "add a moon");
  EXPECT_EQ(session.state().current(), 1);
  EXPECT_NE(lines_.back().find("\"dropped\""), std::string::npos);
  world_.image_model.before_drawing = nullptr;
  world_.cancellation.clear();
  EXPECT_EQ(session.state().base_prompt().text, prompt);
  EXPECT_EQ(run<RoundDone>(session, "add a moon").record.round, 2);
}

TEST_F(SessionTest, AFailedRoundLeavesTheSessionAsItWas) {
  Session session = begun();
  world_.image_model.before_drawing = [] { throw Error(ErrorKind::resource, "out of memory"); };
  EXPECT_EQ(refusal(session, "add a moon"), ErrorKind::resource);
  world_.image_model.before_drawing = nullptr;
  EXPECT_EQ(session.state().rounds.size(), 1u);
  const auto done = run<RoundDone>(session, "add a moon");
  EXPECT_EQ(done.record.round, 2);
}

TEST_F(SessionTest, AFailedFirstRoundCanBeFollowedByFeedback) {
  Session session = start();
  world_.image_model.before_drawing = [] { throw Error(ErrorKind::resource, "out of memory"); };
  EXPECT_THROW(session.draw_first(events_, world_.cancellation), Error);
  world_.image_model.before_drawing = nullptr;
  EXPECT_EQ(refusal(session, "/like"), ErrorKind::usage);
  EXPECT_EQ(run<RoundDone>(session, "add a moon").record.prompt,
            "a red star on a navy background and a moon");
}

TEST_F(SessionTest, WorksWithoutRewardModelAndRefiner) {
  Parts parts = world_.parts();
  parts.reward_model = nullptr;
  parts.language_model = nullptr;
  {
    Session session = Session::start(parts, kFolder, kIdentity, settings(), events_);
    session.draw_first(events_, world_.cancellation);
    const auto done = std::get<RoundDone>(session.run("add a moon", events_, world_.cancellation));
    EXPECT_EQ(done.record.prompt, "a red star on a navy background, add a moon");
    EXPECT_FALSE(done.record.fallback_reason.empty());
    EXPECT_EQ(done.record.picked, 1);
  }
  Session again = Session::resume(parts, kFolder, kIdentity, events_);
  EXPECT_EQ(std::get<RoundDone>(again.run("add a tree", events_, world_.cancellation)).record.round,
            3);
}

TEST_F(SessionTest, MetadataLeftOutByAResumeStaysOut) {
  {
    Session session = Session::start(world_.parts(), kFolder, kIdentity, settings(), events_);
    session.draw_first(events_, world_.cancellation);
    EXPECT_NE(world_.files.at("/s/round-001.png").find("parameters="), std::string::npos);
  }
  {
    Session session =
        Session::resume(world_.parts(), kFolder, kIdentity, events_, Metadata::left_out);
    session.run("make it blue", events_, world_.cancellation);
  }
  Session session = resume();
  session.run("make it bigger", events_, world_.cancellation);
  for (const char* later : {"/s/round-002.png", "/s/round-003.png"})
    EXPECT_EQ(world_.files.at(later).find("parameters="), std::string::npos) << later;
  EXPECT_FALSE(dialogue_of_journal(journal(), "d", "j").settings.at("metadata").get<bool>());
}

TEST_F(SessionTest, AnInitialPictureIsKeptForResume) {
  Settings with = settings();
  with.init_image = "photo.png";
  const Latents initial{{1, 1, 2}, {3.0f, 4.0f}};
  {
    Session session =
        Session::start(world_.parts(), kFolder, kIdentity, with, events_, InitialPicture{initial});
  }
  Session session = resume();
  session.draw_first(events_, world_.cancellation);
  EXPECT_EQ(last_request().candidates[0].init, initial);
  run<RoundDone>(session, "add a moon");
  ASSERT_TRUE(last_request().candidates[0].init);
  EXPECT_NE(*last_request().candidates[0].init, initial);
}

TEST_F(SessionTest, AMaskHoldsInEveryRoundAndAfterResume) {
  Settings with = settings();
  with.mask = "mask.png";
  EXPECT_THROW(Session::start(world_.parts(), kFolder, kIdentity, with, events_), Error)
      << "there is no picture that it masks";
  with.init_image = "photo.png";
  const Latents initial{{1, 1, 2}, {3.0f, 4.0f}};
  const Inpainting inpainting{{{1, 1, 1, 2}, {0.0f, 1.0f}}, {{1, 3, 1, 1}, {1.0f, 2.0f, 3.0f}}};
  {
    Session session =
        Session::start(world_.parts(), kFolder, kIdentity, with, events_,
                       InitialPicture{initial, std::make_shared<const Inpainting>(inpainting)});
    session.draw_first(events_, world_.cancellation);
    ASSERT_TRUE(last_request().inpainting);
    EXPECT_EQ(*last_request().inpainting, inpainting);
  }
  Session session = resume();
  EXPECT_EQ(session.state().settings.mask, "mask.png");
  run<RoundDone>(session, "add a moon");
  ASSERT_TRUE(last_request().inpainting);
  EXPECT_EQ(*last_request().inpainting, inpainting);
}

TEST_F(SessionTest, OneFolderHasOneSessionAndOneProcess) {
  {
    Session session = begun();
    EXPECT_THROW(start(), Error);
    EXPECT_THROW(resume(), Error);
  }
  EXPECT_THROW(start(), Error);
  Session session = resume();
  EXPECT_EQ(session.state().rounds.size(), 1u);
}

TEST_F(SessionTest, WrongSettingsAreRefusedBeforeAnythingIsWritten) {
  for (const auto& spoil : std::vector<std::function<void(Settings&)>>{
           [](Settings& s) { s.prompt = " "; }, [](Settings& s) { s.prompt = "no star"; },
           [](Settings& s) { s.prompt = "\xFF"; }, [](Settings& s) { s.steps = 0; },
           [](Settings& s) { s.candidates = 65; }, [](Settings& s) { s.strength = 0.0; },
           [](Settings& s) { s.guidance_scale = NAN; },
           [](Settings& s) { s.reward_schedule = "x"; }}) {
    Settings bad = settings();
    spoil(bad);
    EXPECT_THROW(start(bad), Error);
  }
  EXPECT_TRUE(world_.files.files.empty());
}

TEST_F(SessionTest, JournalNamesTheAdaptersThatAnsweredAndResumeTellsWhichChanged) {
  world_.files.files["begin.safetensors"] = "1";
  world_.files.files["later.safetensors"] = "2";
  Settings with = settings();
  with.loras = {{"begin.safetensors", 1.0}};
  ModelIdentity identity = kIdentity;
  identity.sha256[lora_part("begin.safetensors")] = world_.files.sha256("begin.safetensors");
  {
    Session session = Session::start(world_.parts(), kFolder, identity, with, events_);
    session.draw_first(events_, world_.cancellation);
    run<OptionsChanged>(session, "/lora later.safetensors:0.5");
    run<OptionsChanged>(session, "/lora later.safetensors:0");
  }
  const Journal kept = read_journal(journal(), "j");
  EXPECT_EQ(kept.session.sha256.at("lora begin.safetensors"), "sha256 of 1");
  EXPECT_EQ(std::get<LoraRecord>(kept.records.at(1)).sha256, "sha256 of 2");
  EXPECT_EQ(std::get<LoraRecord>(kept.records.at(2)).sha256, "");
  EXPECT_THAT(resume().resumed().changed_parts, IsEmpty());
  world_.files.files["later.safetensors"] = "3";
  EXPECT_THAT(resume().resumed().changed_parts, ElementsAre("lora later.safetensors"));
  world_.files.files.erase("begin.safetensors");
  EXPECT_THAT(resume().resumed().changed_parts,
              ElementsAre("lora begin.safetensors", "lora later.safetensors"));
}

TEST_F(SessionTest, ResumeTellsWhatChanged) {
  { Session session = begun(); }
  world_.files.files["/s/session.jsonl"] += "{\"event\":\"ro";
  const ModelIdentity changed{"models/scenes", {{"unet", "zz"}}};
  Session session = Session::resume(world_.parts(), kFolder, changed, events_);
  EXPECT_EQ(session.resumed().torn_bytes, 12u);
  EXPECT_THAT(session.resumed().changed_parts, ElementsAre("unet", "vae"));
  EXPECT_EQ(read_journal(journal(), "j").torn_bytes, 0u);
}

TEST_F(SessionTest, DamagedFilesAreNamedOnResume) {
  { Session session = begun(); }
  const auto files = world_.files.files;
  for (const char* name : {"/s/round-001.png", "/s/round-001.safetensors"}) {
    for (const bool missing : {false, true}) {
      world_.files.files = files;
      missing ? (void)world_.files.files.erase(name) : (void)(world_.files.files[name] += "x");
      Session session = resume();
      try {
        run<RoundDone>(session, "add a moon");
        ADD_FAILURE() << name;
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("round-001"), std::string::npos);
      }
    }
  }
  EXPECT_THROW(Session::resume(world_.parts(), "/nowhere", kIdentity, events_), Error);
}

TEST_F(SessionTest, QuitAndEndAreJournalledOnce) {
  Session session = begun();
  session.end("end of input", events_);
  EXPECT_TRUE(session.over());
  const std::string before = journal();
  session.end("interrupted", events_);
  EXPECT_EQ(journal(), before);
}

// The script that the crash tests run: every kind of line.
const std::vector<std::string> kScript = {"add a moon",
                                          "/like",
                                          "/pick 1",
                                          "/pick 2",
                                          "add a heart",
                                          "/undo",
                                          "/seed 9",
                                          "/strength 0.5",
                                          "/lora x:0.5",
                                          "add a tree",
                                          "/dislike 1",
                                          "/goto 2",
                                          "/prompt a house, no star",
                                          "add a star",
                                          "/accept 1"};

TEST_F(SessionTest, ResumeGoesOnAsIfNothingHadHappened) {
  // Stopping and resuming after any line gives the very pictures of a run without a stop.
  std::map<std::string, std::string> whole;
  {
    Session session = begun();
    for (const std::string& line : kScript) session.run(line, events_, world_.cancellation);
    whole = world_.files.files;
  }
  for (std::size_t stop = 0; stop < kScript.size(); ++stop) {
    FakeWorld world;
    {
      Session session = Session::start(world.parts(), kFolder, kIdentity, settings(), {});
      session.draw_first({}, world.cancellation);
      for (std::size_t i = 0; i < stop; ++i) session.run(kScript[i], {}, world.cancellation);
    }
    Session session = Session::resume(world.parts(), kFolder, kIdentity, {});
    for (std::size_t i = stop; i < kScript.size(); ++i)
      session.run(kScript[i], {}, world.cancellation);
    for (const auto& [name, bytes] : whole) {
      if (name != "/s/session.jsonl") {
        EXPECT_EQ(world.files.files[name], bytes) << name << " after a stop at " << stop;
      }
    }
  }
}

TEST_F(SessionTest, ResumesFromAJournalTruncatedAtEveryByte) {
  {
    Session session = begun();
    for (const std::string& line : kScript) session.run(line, events_, world_.cancellation);
  }
  const auto files = world_.files.files;
  const std::string text = journal();
  const std::size_t first = text.find('\n') + 1;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    world_.files.files = files;
    world_.files.files["/s/session.jsonl"].resize(size);
    if (size < first) {
      EXPECT_THROW(resume(), Error) << size;
      continue;
    }
    Session session = resume();
    const std::size_t whole = text.rfind('\n', size - 1) + 1;
    EXPECT_EQ(session.resumed().torn_bytes, size - whole);
    EXPECT_EQ(journal().compare(0, whole, text, 0, whole), 0);
    EXPECT_EQ(journal().back(), '\n');
    // Within a line every cut leads to the same session: one round for a whole and for a torn end.
    if (size - whole > 1) continue;
    if (!session.state().has_rounds()) session.draw_first(events_, world_.cancellation);
    EXPECT_TRUE(
        std::holds_alternative<RoundDone>(session.run("add a cat", events_, world_.cancellation)));
    EXPECT_EQ(read_journal(journal(), "j").torn_bytes, 0u) << size;
  }
}

// What was announced: lines handed to the caller.
std::size_t rounds_in(const std::vector<std::string>& lines) {
  std::size_t rounds = 0;
  for (const std::string& line : lines)
    rounds += std::holds_alternative<RoundRecord>(parse_record(line, "l"));
  return rounds;
}

TEST_F(SessionTest, APowerCutAtEveryWriteLosesNoAnnouncedRound) {
  int writes = 0;
  {
    FakeWorld world;
    Session session = Session::start(world.parts(), kFolder, kIdentity, settings(), {});
    session.draw_first({}, world.cancellation);
    for (const std::string& line : kScript) session.run(line, {}, world.cancellation);
    writes = world.files.writes();
  }
  ASSERT_GT(writes, 30);
  for (int n = 1; n <= writes; ++n) {
    for (const std::size_t torn : {0u, 1u, 40u, 100000u}) {
      FakeWorld world;
      lines_.clear();
      world.files.die_at(n, torn);
      try {
        Session session = Session::start(world.parts(), kFolder, kIdentity, settings(), events_);
        session.draw_first(events_, world.cancellation);
        for (const std::string& line : kScript) session.run(line, events_, world.cancellation);
        FAIL() << "write " << n << " never happened";
      } catch (const fakes::PowerCut&) {
      }
      world.files.restart();
      const std::vector<std::string> announced = lines_;
      if (n == 1 && torn < 100000u) {
        EXPECT_THROW(Session::resume(world.parts(), kFolder, kIdentity, {}), Error);
        continue;
      }
      Session session = Session::resume(world.parts(), kFolder, kIdentity, {});
      EXPECT_GE(session.state().rounds.size(), rounds_in(announced)) << n;
      for (const RoundNode& node : session.state().rounds) {
        for (int k = 1; k <= 2; ++k) {
          const std::string bytes = world.files.at(session.image_path(node.record.round, k));
          EXPECT_EQ(world.codec.sha256(bytes), node.record.candidates[k - 1].sha256)
              << "write " << n << ", round " << node.record.round << ", candidate " << k;
        }
      }
      if (!session.state().has_rounds()) session.draw_first({}, world.cancellation);
      EXPECT_TRUE(
          std::holds_alternative<RoundDone>(session.run("add a cat", {}, world.cancellation)))
          << n;
    }
  }
}

TEST_F(SessionTest, AFullDiskAtEveryWriteFailsOneLineAndLeavesTheSessionWhole) {
  int writes = 0;
  {
    FakeWorld world;
    Session session = Session::start(world.parts(), kFolder, kIdentity, settings(), {});
    session.draw_first({}, world.cancellation);
    for (const std::string& line : kScript) session.run(line, {}, world.cancellation);
    writes = world.files.writes();
  }
  for (int n = 2; n <= writes; ++n) {
    FakeWorld world;
    Session session = Session::start(world.parts(), kFolder, kIdentity, settings(), {});
    world.files.disk_full_at(n - 1);
    int failures = 0;
    const auto attempt = [&](const std::function<void()>& step) {
      try {
        step();
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::resource) ++failures;
      }
    };
    attempt([&] { session.draw_first({}, world.cancellation); });
    if (!session.state().has_rounds()) session.draw_first({}, world.cancellation);
    for (const std::string& line : kScript)
      attempt([&] { session.run(line, {}, world.cancellation); });
    EXPECT_EQ(failures, 1) << n;
    const Journal read = read_journal(world.files.at(kFolder / "session.jsonl"), "j");
    SessionState state = initial_state(read.session);
    for (const Record& record : read.records) session::apply(state, record);
    EXPECT_EQ(state.rounds.size(), session.state().rounds.size()) << n;
    EXPECT_EQ(state.current(), session.state().current()) << n;
    EXPECT_EQ(state.options, session.state().options) << n;
    EXPECT_EQ(state.multipliers, session.state().multipliers) << n;
  }
}

TEST_F(SessionTest, BeginningAnewReplacesAReplayedSessionOnlyWhenAsked) {
  const auto replay = [&](bool anew) {
    return Session::start(world_.parts(), kFolder, kIdentity, settings(), {}, {}, {"abc", anew});
  };
  replay(false).draw_first({}, world_.cancellation);
  EXPECT_EQ(read_journal(journal(), "j").session.inputs, "abc");
  EXPECT_THROW(start(), Error);
  EXPECT_THROW(replay(false), Error);
  world_.files.files["/s/round-009-c3.png"] = "of a longer run";
  world_.files.files["/s/notes.txt"] = "a person's";
  Session anew = replay(true);
  EXPECT_FALSE(anew.state().has_rounds());
  EXPECT_TRUE(read_journal(journal(), "j").records.empty());
  EXPECT_FALSE(world_.files.exists("/s/round-001.png"));
  EXPECT_FALSE(world_.files.exists("/s/round-009-c3.png"));
  EXPECT_TRUE(world_.files.exists("/s/notes.txt"));
  anew.draw_first({}, world_.cancellation);
  EXPECT_EQ(read_journal(journal(), "j").records.size(), 1u);
}

TEST_F(SessionTest, APersonsSessionIsNeverBegunAnew) {
  const auto replay = [&] {
    return Session::start(world_.parts(), kFolder, kIdentity, settings(), {}, {}, {"abc", true});
  };
  const auto refused_unharmed = [&] {
    const auto before = world_.files.files;
    EXPECT_THROW(replay(), Error);
    EXPECT_EQ(world_.files.files, before);
  };
  begun();
  refused_unharmed();
  world_.files.files.clear();
  replay().draw_first({}, world_.cancellation);
  { resume(); }  // a person goes on with a batch's session
  refused_unharmed();
}

TEST_F(SessionTest, WithoutMetadataThePicturesSayNothing) {
  Settings with = settings();
  with.metadata = false;
  begun(with);
  EXPECT_EQ(world_.files.at("/s/round-001.png").find("parameters"), std::string::npos);
}

TEST_F(SessionTest, AClockThatGoesBackwardsDisturbsNothing) {
  struct BackwardsClock : Clock {
    std::string now() override {
      return day-- > 1 ? "2026-01-3" + std::to_string(day) + "T12:00:00Z" : "1970-01-01T00:00:00Z";
    }
    double seconds() override { return at -= 10; }
    int day = 3;
    double at = 0;
  } clock;
  const Parts parts{world_.image_model, &world_.language_model, &world_.reward_model,
                    world_.codec,       world_.files,           clock};
  {
    Session session = Session::start(parts, kFolder, kIdentity, settings());
    session.draw_first({}, world_.cancellation);
  }
  Session session = Session::resume(parts, kFolder, kIdentity);
  EXPECT_TRUE(
      std::holds_alternative<RoundDone>(session.run("add a moon", {}, world_.cancellation)));
  EXPECT_EQ(read_journal(journal(), "j").records.size(), 3u);
}

}  // namespace
}  // namespace omr::session
