#include "omr/session/phrase_weights.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace omr::session {
namespace {

using ::testing::ElementsAre;

const PhraseWeightOptions kOptions;

TEST(PhraseWeightsTest, NothingToSayIsExactlyOne) {
  EXPECT_THAT(phrase_weights({{}, {}}, 0, KeptReaction::none, kOptions), ElementsAre(1.0, 1.0));
  EXPECT_THAT(phrase_weights({{5.0, false, 0}, {5.1, false, 0}}, 1, KeptReaction::none, kOptions),
              ElementsAre(1.0, 1.0));
  EXPECT_THAT(phrase_weights({{5.0, false, 0}}, 1, KeptReaction::none, kOptions), ElementsAre(1.0));
}

TEST(PhraseWeightsTest, APhraseThatFallsShortIsSaidLouder) {
  const auto weights = phrase_weights({{2.0, false, 0}, {4.0, false, 0}, {4.0, false, 0}}, 1,
                                      KeptReaction::none, kOptions);
  EXPECT_NEAR(weights[0], 1 + 0.08 * std::tanh(2 - 0.25), 1e-12);
  EXPECT_EQ(weights[1], 1.0);
}

TEST(PhraseWeightsTest, AChangedPhraseIsSaidLouder) {
  EXPECT_THAT(phrase_weights({{5.0, true, 0}, {5.0, false, 0}}, 1, KeptReaction::none, kOptions),
              ElementsAre(1.05, 1.0));
}

TEST(PhraseWeightsTest, ReactionsTurnTheShortfallUpAndDown) {
  const std::vector<PhraseEvidence> evidence = {{3.0, false, 0}, {4.0, false, 0}};
  const double usual = phrase_weights(evidence, 1, KeptReaction::none, kOptions)[0];
  EXPECT_EQ(phrase_weights(evidence, 1, KeptReaction::liked, kOptions)[0], 1.0);
  EXPECT_NEAR(phrase_weights(evidence, 1, KeptReaction::disliked, kOptions)[0], 1 + 2 * (usual - 1),
              1e-12);
  EXPECT_NEAR(phrase_weights({{{}, false, -1}}, 1, KeptReaction::none, kOptions)[0], 0.95, 1e-12);
}

TEST(PhraseWeightsTest, WeightsStayWithinTheirBounds) {
  const auto weights = phrase_weights({{-100.0, true, 1}, {100.0, false, -1}}, 1,
                                      KeptReaction::disliked, {.w_min = 0.97, .w_max = 1.2});
  EXPECT_THAT(weights, ElementsAre(1.2, 0.97));
}

TEST(PhraseReactionTest, ComparesThePreferredWithTheRest) {
  EXPECT_NEAR(phrase_reaction({3, 5}, {2}, 2), std::tanh(1.0), 1e-12);
  EXPECT_EQ(phrase_reaction({}, {2}, 1), 0.0);
  EXPECT_EQ(phrase_reaction({2}, {}, 1), 0.0);
}

}  // namespace
}  // namespace omr::session
