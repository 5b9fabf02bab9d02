#include "omr/session/rewards.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::session {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

const Embedding kX = {1, 0};
const Embedding kY = {0, 1};
const Embedding kDiagonal = {0.6f, 0.8f};

TEST(RewardScheduleTest, PaperFollowsItsFormulas) {
  const RewardSchedule& paper = find_reward_schedule("paper");
  EXPECT_EQ(paper.lambda(0), (RewardTerms{1, 0, 0}));
  const RewardTerms at3 = paper.lambda(3);
  EXPECT_NEAR(at3.div, 0.637628, 1e-6);
  EXPECT_NEAR(at3.cons, 0.259182, 1e-6);
  EXPECT_NEAR(at3.mi, 0.100742, 1e-6);
}

TEST(RewardScheduleTest, OthersAreNamedAndUnknownOnesListed) {
  EXPECT_EQ(find_reward_schedule("static").lambda(0), find_reward_schedule("static").lambda(9));
  EXPECT_EQ(find_reward_schedule("none").lambda(4), (RewardTerms{0, 0, 0}));
  EXPECT_EQ(find_reward_schedule("alignment").lambda(4), (RewardTerms{0, 0, 0.5}));
  const RewardTerms paper = find_reward_schedule("paper").lambda(4);
  EXPECT_EQ(find_reward_schedule("paper-without-mi").lambda(4),
            (RewardTerms{paper.div, paper.cons, 0}));
  try {
    find_reward_schedule("papre");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("paper, static, none"), std::string::npos);
  }
}

TEST(RewardsTest, DiversityIsTheMeanDistanceOfPairs) {
  // distances: xy 1, xd 0.4, yd 0.2
  EXPECT_NEAR(diversity({kX, kY, kDiagonal}), 1.6 / 3, 1e-6);
  EXPECT_THAT(diversity_shares({kX, kY, kDiagonal}),
              ElementsAre(DoubleNear(0.7, 1e-6), DoubleNear(0.6, 1e-6), DoubleNear(0.3, 1e-6)));
  EXPECT_EQ(diversity({kX}), 0.0);
  EXPECT_EQ(diversity({}), 0.0);
}

TEST(RewardsTest, MutualInformationIsALogSoftmax) {
  // logits: prompt 2·1, contrast 2·0 -> -log(1 + e^-2)
  EXPECT_NEAR(mutual_information(kX, kX, {kY}, 2), -std::log1p(std::exp(-2)), 1e-9);
  EXPECT_NEAR(mutual_information(kX, kX, {kX, kX}, 50), -std::log(3), 1e-9);
  EXPECT_EQ(mutual_information(kX, kX, {}, 50), 0.0);
  EXPECT_TRUE(std::isfinite(mutual_information(kX, kY, {kX}, 1e6)));
}

TEST(RewardsTest, RawRewardsOfAFirstRoundLeaveConsistencyOut) {
  const RewardInputs inputs{{kX, kDiagonal}, kX, {kY}, std::nullopt, 10};
  const Applicable which = applicable(inputs);
  EXPECT_TRUE(which.div && which.mi && which.pref);
  EXPECT_FALSE(which.cons);
  const auto raw = raw_rewards(inputs);
  EXPECT_NEAR(raw[0].pref, 10, 1e-6);
  EXPECT_NEAR(raw[1].pref, 6, 1e-6);
  EXPECT_NEAR(raw[1].div, 0.4, 1e-6);
  EXPECT_NEAR(raw[1].mi, 6 - std::log(std::exp(6) + std::exp(8)), 1e-5);
  EXPECT_EQ(raw[0].cons, 0.0);
}

TEST(RewardsTest, TotalIsPreferencePlusWeightedOthers) {
  const RewardInputs inputs{{kX, kDiagonal}, kX, {kY}, kY, 10};
  const auto raw = raw_rewards(inputs);
  const RewardReferences references{RewardReference{8, 2}, RewardReference{0, 0.4},
                                    RewardReference{0.5, 0.5}, RewardReference{0, 1}};
  const auto totals =
      total_rewards(raw, applicable(inputs), references, {}, {1, 0.5, 0}, {2, 1, 1});
  EXPECT_NEAR(totals[0].pref, 1, 1e-6);   // (10 − 8) / 2
  EXPECT_NEAR(totals[0].div, 1, 1e-6);    // 0.4 / 0.4
  EXPECT_NEAR(totals[0].cons, -1, 1e-6);  // (0 − 0.5) / 0.5
  EXPECT_NEAR(totals[0].total, 1 + 1 * 2 * 1 + 0.5 * 1 * -1, 1e-6);
  EXPECT_NEAR(totals[1].total, -1 + 2 + 0.5 * 0.6, 1e-6);
  EXPECT_EQ(best_candidate(totals), 0u);
}

TEST(RewardsTest, WithoutReferencesTheSessionIsTheReference) {
  const RewardInputs inputs{{kX, kDiagonal}, kX, {kY}, std::nullopt, 10};
  const auto raw = raw_rewards(inputs);
  RewardStatistics seen;
  add_to(seen, raw, applicable(inputs));
  const auto totals = total_rewards(raw, applicable(inputs), {}, seen, {1, 1, 1}, {1, 1, 1});
  EXPECT_NEAR(totals[0].pref, 1, 1e-6);  // two values: one σ above their mean
  EXPECT_NEAR(totals[1].pref, -1, 1e-6);
  EXPECT_EQ(totals[0].div, 0.0);   // equal shares: no spread
  EXPECT_EQ(totals[0].cons, 0.0);  // does not apply
}

TEST(RewardsTest, RunningStatisticsAreThoseOfThePopulation) {
  RunningStatistics seen;
  EXPECT_EQ(seen.std(), 0.0);
  for (const double value : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) seen.add(value);
  EXPECT_DOUBLE_EQ(seen.mean(), 5.0);
  EXPECT_DOUBLE_EQ(seen.std(), 2.0);
}

TEST(RewardsTest, BrokenScoresAreAnError) {
  EXPECT_THROW(raw_rewards({{{NAN, 0}}, kX, {kY}, std::nullopt, 10}), Error);
  EXPECT_THROW(cosine(kX, {1, 0, 0}), Error);
}

TEST(RewardsTest, FirstOfEqualTotalsWins) {
  EXPECT_EQ(best_candidate({{0, 0, 0, 0, 1}, {0, 0, 0, 0, 2}, {0, 0, 0, 0, 2}}), 1u);
}

TEST(RewardLearningTest, ALikedImageRaisesTheRewardThatRankedItFirst) {
  // advantages of candidate 0: div 1 − 0, cons −1 − 1 = −2, mi 0
  const std::vector<CandidateRewards> rewards = {{1, -1, 0.5, 0, 0}, {0, 1, 0.5, 0, 0}};
  const RewardTerms liked = learn_multipliers({1, 1, 1}, rewards, 0, 1, 0.1);
  const double sum = std::exp(0.1) + std::exp(-0.2) + 1;
  EXPECT_NEAR(liked.div, 3 * std::exp(0.1) / sum, 1e-12);
  EXPECT_NEAR(liked.cons, 3 * std::exp(-0.2) / sum, 1e-12);
  EXPECT_NEAR(liked.mi, 3 / sum, 1e-12);
  const RewardTerms disliked = learn_multipliers({1, 1, 1}, rewards, 0, -1, 0.1);
  EXPECT_LT(disliked.div, 1);
  EXPECT_GT(disliked.cons, 1);
}

TEST(RewardLearningTest, OneCandidateTeachesNothingAndManyTeachWithinBounds) {
  EXPECT_EQ(learn_multipliers({1, 1, 1}, {{5, 5, 5, 5, 5}}, 0, 1, 1), (RewardTerms{1, 1, 1}));
  RewardTerms m{1, 1, 1};
  for (int i = 0; i < 100; ++i)
    m = learn_multipliers(m, {{9, -9, 0, 0, 0}, {-9, 9, 0, 0, 0}}, 0, 1, 1);
  EXPECT_LE(m.div, kMaxMultiplier);
  EXPECT_GE(m.cons, 1 / kMaxMultiplier);
}

TEST(RewardsTest, AModelThatJudgesTogetherSaysThePreferenceItself) {
  RewardInputs inputs;
  inputs.images = {kX, kY};
  inputs.prompt = kX;
  inputs.logit_scale = 10;
  inputs.preferences = {-0.5, 1.5};
  const std::vector<CandidateRewards> raw = raw_rewards(inputs);
  EXPECT_EQ(raw[0].pref, -0.5);
  EXPECT_EQ(raw[1].pref, 1.5);
}

}  // namespace
}  // namespace omr::session
