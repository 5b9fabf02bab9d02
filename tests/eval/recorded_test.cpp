#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "omr/eval/recorded_experiment.h"

#include "support/error_of.h"
#include "support/fake_parts.h"

namespace omr::eval {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDialogues =
    R"({"id":"a","target":"a red star and a moon","seed":7,"turns":["a star","add a moon","add a tree"]}

{"id":"b","target":"a tree","messages":[{"role":"user","content":"a tree"},{"role":"user","content":"add a moon"}]}
)";

session::Settings settings() {
  session::Settings out;
  out.prompt = "unused";
  out.steps = 4;
  out.candidates = 2;
  return out;
}

std::vector<RecordedArmResult> run(const std::vector<std::string>& arms, fakes::FakeWorld& world) {
  const Models models{world.image_model, &world.language_model, &world.reward_model, world.clock};
  return run_recorded_experiment(read_recorded_targets(kDialogues, "d"), choose_arms(arms),
                                 settings(), 3, models, {}, world.cancellation);
}

TEST(RecordedTargetsTest, EachLineNamesItsTarget) {
  const auto targets = read_recorded_targets(kDialogues, "d");
  ASSERT_EQ(targets.size(), 2u);
  EXPECT_EQ(targets[0].target, "a red star and a moon");
  EXPECT_EQ(targets[1].dialogue.turns.size(), 2u);
  const Error error =
      error_of([] { read_recorded_targets("{\"id\":\"a\",\"turns\":[\"a star\"]}", "d"); });
  EXPECT_THAT(error.what(), HasSubstr("line 1"));
  EXPECT_THAT(error.what(), HasSubstr("target"));
}

TEST(RecordedExperimentTest, TheRewardModelJudgesEveryRoundOfEveryArm) {
  fakes::FakeWorld world;
  const auto results = run({"full", "fresh-noise"}, world);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].dialogues[0].scores.size(), 3u);
  EXPECT_EQ(results[0].dialogues[1].scores.size(), 2u);
  EXPECT_EQ(results[0].score_by_round.size(), 3u);
  EXPECT_DOUBLE_EQ(results[0].last_score,
                   (results[0].dialogues[0].scores[2] + results[0].dialogues[1].scores[1]) / 2);
  EXPECT_EQ(results[0].beyond_first, 0);
  // The dialogue's seed draws the first picture in every arm, the arm with fresh noise draws on.
  EXPECT_EQ(results[0].dialogues[0].scores[0], results[1].dialogues[0].scores[0]);
  EXPECT_NE(results[0].dialogues[0].scores[2], results[1].dialogues[0].scores[2]);
}

TEST(RecordedExperimentTest, ReportsSayThatNoPixelJudgeExists) {
  fakes::FakeWorld world;
  const auto results = run({"full"}, world);
  EXPECT_THAT(text_table(results), HasSubstr("No pixel judge exists"));
  EXPECT_THAT(html_report(results), HasSubstr("No pixel judge exists"));
  EXPECT_EQ(summary_event(results)["judge"], "reward model");
}

TEST(RecordedExperimentTest, ArmsThatNeedAUserAreRefused) {
  fakes::FakeWorld world;
  EXPECT_EQ(error_of([&] { run({"user-picks"}, world); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace omr::eval
