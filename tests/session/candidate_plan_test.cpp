#include "omr/session/candidate_plan.h"

#include <set>

#include <gtest/gtest.h>

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
  EXPECT_EQ(plan[2].init, kKept);
  EXPECT_EQ(plan[2].seed, derived_seed(7, 2, 3));
  EXPECT_NE(plan[2].seed, plan[3].seed);
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
