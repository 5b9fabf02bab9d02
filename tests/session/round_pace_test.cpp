#include "omr/session/round_pace.h"

#include <gtest/gtest.h>

#include "omr/session/dialogue.h"
#include "omr/session/session.h"

#include "support/fake_parts.h"

namespace omr::session {
namespace {

Settings paced_settings(int steps, int candidates) {
  Settings out;
  out.prompt = "a star";
  out.steps = steps;
  out.candidates = candidates;
  return out;
}

TEST(RoundPaceTest, EnoughTimeLeavesTheSettings) {
  const RoundPace pace = fit_pace(paced_settings(20, 4), 100, {0.1, 1}, true);
  EXPECT_EQ(pace, (RoundPace{20, 4, std::nullopt}));
}

TEST(RoundPaceTest, StepsGiveWayBeforeCandidatesAndThoseBeforeTheStrength) {
  // 0.9 · 5.2 s at 0.1 s a call are 46 calls.
  EXPECT_EQ(fit_pace(paced_settings(20, 4), 5.2, {0.1, 0}, true), (RoundPace{11, 4, std::nullopt}));
  EXPECT_EQ(fit_pace(paced_settings(20, 4), 2.0, {0.1, 0}, true), (RoundPace{9, 2, std::nullopt}));
  EXPECT_EQ(fit_pace(paced_settings(20, 4), 0.7, {0.1, 0}, true), (RoundPace{8, 1, 0.75}));
  EXPECT_EQ(fit_pace(paced_settings(20, 4), 0.7, {0.1, 0}, false), (RoundPace{6, 1, std::nullopt}));
}

TEST(RoundPaceTest, WhatTheRestOfTheRoundTakesIsNotDrawnWith) {
  EXPECT_EQ(fit_pace(paced_settings(20, 1), 3, {0.1, 1.7}, true).steps, 10);
  EXPECT_EQ(fit_pace(paced_settings(20, 1), 1, {0.1, 5}, false).steps, 1) << "no time at all";
  const RoundPace least = fit_pace(paced_settings(20, 1), 1, {0.1, 5}, true);
  EXPECT_GE(static_cast<int>(least.steps * *least.strength), 1);
}

// A clock that goes on by what each UNet call is said to take.
class PacedImageModel : public fakes::FakeImageModel {
 public:
  explicit PacedImageModel(double& now) : now_(now) {}
  double seconds_per_call = 1;
  std::vector<Candidate> generate(const ImageRequest& request, const Progress& progress,
                                  const Cancellation& cancellation) override {
    auto out = FakeImageModel::generate(request, progress, cancellation);
    for (std::size_t k = 0; k < out.size(); ++k) {
      const CandidateRequest& one = request.candidates[k];
      const int steps = one.steps > 0 ? one.steps : request.steps;
      out[k].unet_calls = static_cast<int>(steps * one.strength);
      now_ += seconds_per_call * static_cast<double>(out[k].unet_calls);
    }
    return out;
  }

 private:
  double& now_;
};

class SteadyClock : public Clock {
 public:
  std::string now() override { return "2026-01-31T12:00:00Z"; }
  double seconds() override { return time; }
  double time = 0;
};

TEST(RoundPaceTest, ASessionMeasuresFitsAndJournalsWhatItChose) {
  fakes::FakeWorld world;
  SteadyClock clock;
  PacedImageModel image_model(clock.time);
  const Parts parts{image_model, &world.language_model, &world.reward_model,
                    world.codec, world.files,           clock};
  Settings with = paced_settings(20, 4);
  with.round_seconds = 50;
  Session session = Session::start(parts, "/s", {"m", {}}, with);
  const auto draw = [&](const std::string& line) {
    const double begun = clock.time;
    if (line.empty()) {
      session.draw_first({}, world.cancellation);
    } else {
      session.run(line, {}, world.cancellation);
    }
    return clock.time - begun;
  };
  EXPECT_LE(draw(""), 50 + 4) << "two small pictures are drawn to measure";
  EXPECT_EQ(session.state().options.steps, 11);
  EXPECT_EQ(session.state().options.candidates, 4);
  EXPECT_LE(draw("add a moon"), 50);
  image_model.seconds_per_call = 3;  // the machine gets busy
  draw("add a tree");
  EXPECT_LE(draw("add a house"), 50);
  EXPECT_LT(session.state().options.candidates, 4);

  const std::string journal = world.files.at("/s/session.jsonl");
  const Dialogue dialogue = dialogue_of_journal(journal, "d", "j");
  EXPECT_EQ(dialogue.settings["steps"], 11);
  EXPECT_FALSE(dialogue.settings.contains("round_seconds"));
  Settings again;
  override_with(again, dialogue.settings, "d");
  Session replay = Session::start(parts, "/again", {"m", {}}, again);
  replay.draw_first({}, world.cancellation);
  for (std::size_t i = 1; i < dialogue.turns.size(); ++i) {
    replay.run(dialogue.turns[i], {}, world.cancellation);
  }
  ASSERT_EQ(replay.state().rounds.size(), session.state().rounds.size());
  for (std::size_t r = 0; r < replay.state().rounds.size(); ++r) {
    const RoundRecord& a = session.state().rounds[r].record;
    const RoundRecord& b = replay.state().rounds[r].record;
    EXPECT_EQ(a.steps, b.steps);
    EXPECT_EQ(a.latents_sha256, b.latents_sha256);
  }
}

}  // namespace
}  // namespace omr::session
