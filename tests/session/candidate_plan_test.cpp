#include "omr/session/candidate_plan.h"

#include <set>

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::session {
namespace {

const Latents kKept{{1}, {1.0f}};
const Latents kInitial{{1}, {2.0f}};

TEST(CandidatePlanTest, FirstRoundTakesNeighbouringSeeds) {
  const auto plan = plan_candidates({.round = 1, .seed = 7, .candidates = 3});
  ASSERT_EQ(plan.size(), 3u);
  for (int k = 0; k < 3; ++k) {
    EXPECT_EQ(plan[k].seed, 7u + k);
    EXPECT_FALSE(plan[k].init);
  }
}

TEST(CandidatePlanTest, LaterRoundsKeepTheNoiseFirstAndTheLatentsAfter) {
  const auto plan =
      plan_candidates({.round = 2, .seed = 7, .candidates = 4, .kept = &kKept, .kept_seed = 9});
  EXPECT_EQ(plan[0].seed, 9u);
  EXPECT_FALSE(plan[0].init);
  EXPECT_EQ(plan[1].seed, 9u);
  EXPECT_EQ(plan[1].init, kKept);
  EXPECT_EQ(plan[1].strength, kDefaultStrength);
  EXPECT_EQ(static_cast<int>(plan[1].steps * plan[1].strength), 20);
  EXPECT_EQ(plan[2].init, kKept);
  EXPECT_EQ(plan[2].seed, derived_seed(7, 2, 3));
  EXPECT_NE(plan[2].seed, plan[3].seed);
}

TEST(CandidatePlanTest, LocalRedrawsAPartInEverySecondCandidate) {
  const auto plan = plan_candidates({.round = 2,
                                     .seed = 7,
                                     .candidates = 6,
                                     .steps = 20,
                                     .kept = &kKept,
                                     .kept_seed = 9,
                                     .keep = KeepPolicy::local});
  for (int k = 0; k < 6; ++k) {
    EXPECT_EQ(plan[k].local, k == 1 || k == 2 || k == 5) << k;
    EXPECT_EQ(plan[k].init.has_value(), plan[k].local);
    EXPECT_EQ(plan[k].seed == 9u, k < 2);
  }
  // The region and the first local candidate take the calls of one candidate together.
  EXPECT_EQ(region_calls(20) + static_cast<int>(20 * plan[1].strength), 20);
  EXPECT_EQ(plan[1].steps, 0);
  EXPECT_EQ(static_cast<int>(plan[2].steps * plan[2].strength), 20);
}

TEST(CandidatePlanTest, OneStepIsEnoughForEveryCandidate) {
  for (const KeepPolicy keep : {KeepPolicy::noise, KeepPolicy::latents, KeepPolicy::local}) {
    for (const CandidateRequest& one :
         plan_candidates({.round = 2, .candidates = 4, .steps = 1, .kept = &kKept, .keep = keep})) {
      const int steps = one.steps > 0 ? one.steps : 1;
      EXPECT_GE(static_cast<int>(steps * one.strength), 1);
    }
  }
}

TEST(CandidatePlanTest, WithoutARegionLocalKeepsNoiseAndLatents) {
  CandidatePlanInputs inputs{
      .round = 2, .seed = 7, .candidates = 2, .kept = &kKept, .kept_seed = 9};
  inputs.keep = KeepPolicy::local;
  inputs.knows_region = false;
  const auto plan = plan_candidates(inputs);
  EXPECT_FALSE(plan[0].init);
  EXPECT_FALSE(plan[1].local);
  EXPECT_EQ(plan[1].strength, kDefaultStrength);
}

TEST(CandidatePlanTest, ARepetitionTakesOtherNoise) {
  for (const KeepPolicy keep : {KeepPolicy::noise, KeepPolicy::latents, KeepPolicy::local}) {
    CandidatePlanInputs inputs{
        .round = 2, .seed = 7, .candidates = 4, .kept = &kKept, .kept_seed = 9, .keep = keep};
    inputs.repeats = true;
    for (const CandidateRequest& one : plan_candidates(inputs)) EXPECT_NE(one.seed, 9u);
  }
}

TEST(CandidatePlanTest, WhoDislikesNothingInParticularGetsOtherPictures) {
  CandidatePlanInputs inputs{.round = 2, .seed = 7, .candidates = 4, .kept = &kKept};
  inputs.repeats = true;
  inputs.knows_region = false;
  for (const CandidateRequest& one : plan_candidates(inputs)) EXPECT_FALSE(one.init.has_value());
  inputs.strength = 0.5;  // the user's own word
  for (const CandidateRequest& one : plan_candidates(inputs)) EXPECT_TRUE(one.init.has_value());
}

TEST(CandidatePlanTest, TheStrengthGrowsWithWhatChanged) {
  EXPECT_LT(strength_of_change(0), strength_of_change(0.2));
  EXPECT_LT(strength_of_change(0.2), strength_of_change(0.6));
  EXPECT_LE(strength_of_change(1), 1.0);
  CandidatePlanInputs inputs{.round = 2, .candidates = 2, .kept = &kKept};
  inputs.keep = KeepPolicy::latents;
  inputs.changed = 0.2;
  for (const CandidateRequest& one : plan_candidates(inputs)) {
    EXPECT_EQ(one.strength, strength_of_change(0.2));
    EXPECT_EQ(static_cast<int>(one.steps * one.strength), 20);
  }
}

TEST(CandidatePlanTest, UnknownPoliciesAreRefused) {
  for (const std::string& name : keep_policy_names()) EXPECT_NO_THROW(find_keep_policy(name));
  EXPECT_THROW(find_keep_policy("all"), Error);
}

TEST(CandidatePlanTest, AGivenStrengthAppliesToEveryCandidate) {
  const auto plan = plan_candidates(
      {.round = 2, .seed = 7, .candidates = 2, .strength = 0.4, .kept = &kKept, .kept_seed = 9});
  EXPECT_EQ(plan[0].init, kKept);
  EXPECT_EQ(plan[0].strength, 0.4);
  EXPECT_EQ(plan[0].seed, 9u);
  EXPECT_EQ(plan[1].strength, 0.4);
  EXPECT_EQ(plan[1].seed, derived_seed(7, 2, 2));
}

TEST(CandidatePlanTest, AnInitialPictureIsWhereItStarts) {
  const auto first =
      plan_candidates({.seed = 7, .candidates = 1, .strength = 0.6, .initial = &kInitial});
  EXPECT_EQ(first[0].init, kInitial);
  EXPECT_EQ(first[0].strength, 0.6);
  const auto later = plan_candidates({.round = 2, .seed = 7, .kept = &kKept, .initial = &kInitial});
  EXPECT_EQ(later[0].init, kKept);
}

TEST(CandidatePlanTest, DerivedSeedsDifferAndFitIn32Bits) {
  std::set<std::uint64_t> seeds;
  for (int round = 2; round < 40; ++round) {
    for (int k = 2; k < 10; ++k) {
      for (std::uint64_t seed : {0u, 1u, 7u}) seeds.insert(derived_seed(seed, round, k));
    }
  }
  EXPECT_EQ(seeds.size(), 38u * 8 * 3);
  EXPECT_LE(*seeds.rbegin(), UINT32_MAX);
}

}  // namespace
}  // namespace omr::session
