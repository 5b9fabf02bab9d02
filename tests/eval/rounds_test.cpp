#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "omr/eval/picture_change.h"
#include "omr/eval/rounds_report.h"
#include "omr/eval/scene_drawer.h"
#include "omr/scenes/drawing.h"

#include "support/error_of.h"

namespace omr::eval {
namespace {

using ::testing::HasSubstr;

class Ticks : public session::Clock {
 public:
  std::string now() override { return "2026-01-01T00:00:00Z"; }
  double seconds() override { return time_ += 0.5; }

 private:
  double time_ = 0;
};

// Understands the first kind of feedback only: it joins, and read_caption() lets later words win.
RoundsExperiment experiment(const std::vector<std::string>& arms) {
  RoundsExperiment out;
  out.seed = 11;
  out.targets = 12;
  out.user.reaction = 0;
  out.settings.prompt = "unused";
  out.settings.candidates = 2;
  out.settings.steps = 10;
  out.arms = choose_arms(arms);
  return out;
}

// What the user would draw: the session's model of a listener who misses nothing.
class PerfectDrawer : public session::ImageModel {
 public:
  std::vector<session::ImageRequest> requests;
  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    requests.push_back(request);
    return drawer_.generate(request, progress, cancellation);
  }
  void check_lora(const session::LoraChoice&) override {}

 private:
  SceneDrawer drawer_{96};
};

std::vector<ArmResult> run(const RoundsExperiment& what, PerfectDrawer& drawer) {
  Ticks clock;
  const Cancellation cancellation;
  return run_rounds_experiment(what, {drawer, nullptr, nullptr, clock}, {}, cancellation);
}

TEST(RoundsExperimentTest, TheSameSeedGivesTheSameDialogues) {
  PerfectDrawer drawer;
  const auto first = run(experiment({"reprompt"}), drawer);
  const auto again = run(experiment({"reprompt"}), drawer);
  ASSERT_EQ(first[0].dialogues.size(), 12u);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(to_json(first[0].arm, first[0].dialogues[i]),
              to_json(again[0].arm, again[0].dialogues[i]));
  }
  RoundsExperiment other = experiment({"reprompt"});
  other.seed = 12;
  EXPECT_NE(run(other, drawer)[0].dialogues[0].target, first[0].dialogues[0].target);
}

TEST(RoundsExperimentTest, EveryArmMeetsTheSameUsers) {
  PerfectDrawer drawer;
  const auto results = run(experiment({"full", "fresh-noise"}), drawer);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(results[0].dialogues[i].target, results[1].dialogues[i].target);
    EXPECT_EQ(results[0].dialogues[i].rounds[0].prompt, results[1].dialogues[i].rounds[0].prompt);
  }
}

TEST(RoundsExperimentTest, DialoguesEndWhenAllIsRightOrTheUserGivesUp) {
  PerfectDrawer drawer;
  RoundsExperiment what = experiment({"full"});
  what.user.max_rounds = 4;
  bool gave_up = false, accepted = false;
  const auto results = run(what, drawer);
  for (const DialogueTrace& dialogue : results[0].dialogues) {
    EXPECT_EQ(dialogue.accepted, dialogue.rounds.back().comparison.all_right());
    for (std::size_t r = 0; r + 1 < dialogue.rounds.size(); ++r) {
      EXPECT_FALSE(dialogue.rounds[r].comparison.all_right());
    }
    EXPECT_TRUE(dialogue.accepted || dialogue.rounds.size() == 4);
    (dialogue.accepted ? accepted : gave_up) = true;
  }
  EXPECT_TRUE(accepted);
  EXPECT_TRUE(gave_up) << "without a refiner some feedback is not understood";
}

TEST(RoundsExperimentTest, ArmsDrawWithTheirOwnSeedsAndBudgets) {
  PerfectDrawer drawer;
  RoundsExperiment what = experiment({"full"});
  what.targets = 1;
  run(what, drawer);
  ASSERT_GT(drawer.requests.size(), 1u);
  EXPECT_EQ(drawer.requests[0].candidates.size(), 2u);
  const std::uint64_t seed = drawer.requests[0].candidates[0].seed;
  EXPECT_EQ(drawer.requests[1].candidates[0].seed, seed);

  drawer.requests.clear();
  what.arms = choose_arms({"fresh-noise"});
  run(what, drawer);
  EXPECT_EQ(drawer.requests[0].candidates[0].seed, seed);
  EXPECT_NE(drawer.requests[1].candidates[0].seed, seed);

  drawer.requests.clear();
  what.arms = choose_arms({"one-candidate"});
  run(what, drawer);
  EXPECT_EQ(drawer.requests[0].candidates.size(), 1u);
  EXPECT_EQ(drawer.requests[0].steps, 20);
}

TEST(RoundsExperimentTest, AListenerWhoMissesNothingIsTheFloor) {
  PerfectDrawer drawer;
  RoundsExperiment what = experiment({"perfect-listener", "full"});
  what.targets = 30;
  const auto results = run(what, drawer);
  EXPECT_EQ(results[0].summary.accepted, 1);
  EXPECT_LT(results[0].summary.rounds_mean, 3.4);
  EXPECT_GT(results[1].extra_rounds, 1) << "without a refiner feedback is joined";
}

TEST(RoundsExperimentTest, AUserWhoPicksTakesNoMoreRounds) {
  PerfectDrawer drawer;
  RoundsExperiment what = experiment({"perfect-listener", "user-picks"});
  for (Arm& arm : what.arms) arm.perfect_listener = true;
  what.targets = 30;
  what.settings.candidates = 4;
  EXPECT_LT(run(what, drawer)[1].extra_rounds, 0);
}

// Edits must not wear the picture down: a user who always wants one thing more.
TEST(RoundsExperimentTest, ARestlessUserSeesNoDecay) {
  PerfectDrawer drawer;
  RoundsExperiment what = experiment({"perfect-listener"});
  what.user.restless = true;
  what.user.max_rounds = 10;
  const ArmResult result = run(what, drawer)[0];
  EXPECT_EQ(result.summary.accepted, 0) << "nobody is content before the last round";
  for (const DialogueTrace& dialogue : result.dialogues) EXPECT_EQ(dialogue.rounds.size(), 10u);
  const std::vector<double>& right = result.summary.alignment_by_round;
  EXPECT_GT(right[9], right[0]);
  for (std::size_t r = 3; r < 10; ++r) EXPECT_GT(right[r], 0.85) << "round " << r + 1;
}

TEST(RoundsSummaryTest, CurvesFollowTheDialogues) {
  DialogueTrace quick, slow;
  scenes::Random random(3);
  quick.target = slow.target = scenes::sample_scene(random, {1, 1});
  scenes::Comparison right, wrong;
  right.background = wrong.background = scenes::Match::right;
  right.objects.resize(1);
  right.objects[0] = {0, scenes::Match::right, scenes::Match::right, scenes::Match::right,
                      scenes::Match::right};
  wrong.objects = right.objects;
  wrong.objects[0].colour = scenes::Match::wrong;
  RoundTrace good, bad;
  good.comparison = right;
  bad.comparison = wrong;
  bad.held = 5;
  bad.broken = 1;
  quick.rounds = {good};
  quick.accepted = true;
  slow.rounds = {bad, bad, bad};
  const RoundsSummary summary = summarise({quick, slow}, 4, 1);
  EXPECT_EQ(summary.rounds_mean, 2);
  EXPECT_EQ(summary.accepted, 0.5);
  EXPECT_THAT(summary.accepted_by_round, ::testing::ElementsAre(0.5, 0.5, 0.5, 0.5));
  EXPECT_DOUBLE_EQ(summary.alignment_by_round[3], 0.9);
  EXPECT_DOUBLE_EQ(summary.broken_per_round, 0.2);
  EXPECT_EQ(summary.by_value.size(), 5u);
  EXPECT_EQ(weakest_values(summary.by_value, 1)[0].first.substr(0, 6), "colour");
}

TEST(KeptAttributesTest, OnlyWhatWasRightCanBreak) {
  using scenes::Match;
  scenes::Comparison before, now;
  before.background = Match::right;
  now.background = Match::wrong;
  before.objects = {{0, Match::right, Match::wrong, Match::unsaid, Match::right}};
  now.objects = {{0, Match::right, Match::right, Match::wrong, Match::wrong}};
  const Kept kept = kept_attributes(before, now);
  EXPECT_EQ(kept.held, 3);
  EXPECT_EQ(kept.broken, 2);
}

class PictureChangeTest : public ::testing::Test {
 protected:
  static SeenPicture seen(const scenes::Scene& scene, const scenes::Scene& target) {
    SeenPicture out;
    out.image = scenes::draw_scene(scene, 96);
    out.verdict = scenes::judge(out.image);
    out.comparison = scenes::compare(target, out.verdict);
    return out;
  }
  static scenes::Object object(scenes::Shape shape, scenes::Colour colour, scenes::Place place) {
    return {shape, colour, scenes::Size::medium, place, scenes::position_of(place)};
  }
};

TEST_F(PictureChangeTest, WhatTheUserAskedForDoesNotCount) {
  using namespace scenes;
  const Scene target{{object(Shape::star, Colour::red, Place::top_left),
                      object(Shape::circle, Colour::blue, Place::bottom_right)},
                     Background::navy};
  Scene first = target;
  first.objects[0].colour = Colour::green;
  EXPECT_EQ(change_elsewhere(seen(first, target), seen(target, target)), 0.0);

  Scene moved = target;  // the circle had been right
  moved.objects[1] = object(Shape::circle, Colour::blue, Place::bottom_left);
  EXPECT_GT(change_elsewhere(seen(first, target), seen(moved, target)).value(), 0.02);

  Scene other = first;
  other.background = Background::white;
  EXPECT_FALSE(change_elsewhere(seen(other, target), seen(target, target)))
      << "the background was to change";
}

TEST_F(PictureChangeTest, ThePerceptualDistanceSeesNothingOfWhatWasToChange) {
  using namespace scenes;
  const Scene target{{object(Shape::star, Colour::red, Place::top_left),
                      object(Shape::circle, Colour::blue, Place::bottom_right)},
                     Background::navy};
  Scene first = target, moved = target, other = target;
  first.objects[0].colour = Colour::green;
  moved.objects[1] = object(Shape::circle, Colour::blue, Place::bottom_left);
  other.background = Background::white;
  int asked = 0;
  const PictureDistance differing = [&](const Image& a, const Image& b) {
    ++asked;
    EXPECT_EQ(a.width, 96);
    EXPECT_EQ(a.pixels.size(), b.pixels.size());
    return a.pixels == b.pixels ? 0.0 : 0.25;
  };
  EXPECT_EQ(perceptual_change_elsewhere(seen(first, target), seen(target, target), differing), 0.0);
  EXPECT_EQ(perceptual_change_elsewhere(seen(first, target), seen(moved, target), differing), 0.25);
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(perceptual_change_elsewhere(seen(other, target), seen(target, target), differing));
  EXPECT_EQ(asked, 2);
}

TEST(RoundsExperimentTest, ThePerceptualChangeIsReportedWhereADistanceIsGiven) {
  PerfectDrawer drawer;
  Ticks clock;
  RoundsExperiment what = experiment({"perfect-listener"});
  what.targets = 4;
  const auto summary = [&](const PictureDistance& distance) {
    const std::vector<ArmResult> results = run_rounds_experiment(
        what, {drawer, nullptr, nullptr, clock, distance}, {}, Cancellation());
    EXPECT_EQ(text_table(results).find("0.2500") != std::string::npos, distance != nullptr);
    EXPECT_EQ(html_report(what, {{"perfect", results}}).find("0.2500") != std::string::npos,
              distance != nullptr);
    return to_json(results[0].summary)["perceptual_change_elsewhere"];
  };
  EXPECT_TRUE(summary({}).is_null());
  EXPECT_EQ(summary([](const Image&, const Image&) { return 0.25; }), 0.25);
}

TEST(ArmTest, UnknownArmsAreRefusedWithTheKnownOnes) {
  const Error error = error_of([] { choose_arms({"fulll"}); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("reprompt-refiner"));
}

TEST(RoundsReportTest, ThePageHoldsEveryArmAndNothingFromElsewhere) {
  PerfectDrawer drawer;
  RoundsExperiment what = experiment({"full", "reprompt"});
  what.targets = 3;
  const auto results = run(what, drawer);
  const std::string page = html_report(what, {{"perfect", results}});
  for (const char* text : {"full", "reprompt", "<svg", "Got right least"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(summary_event("perfect", results)["arms"].size(), 2u);
}

}  // namespace
}  // namespace omr::eval
