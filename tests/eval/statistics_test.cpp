#include "omr/eval/statistics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "omr/scenes/random.h"

#include "support/error_of.h"

namespace omr::eval {
namespace {

TEST(StatisticsTest, MeanAndMedian) {
  EXPECT_EQ(mean({}), 0);
  EXPECT_EQ(mean({1, 2, 6}), 3);
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({5, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 10}), 3);
}

TEST(StatisticsTest, TheIntervalHoldsTheMeanNineteenTimesInTwenty) {
  constexpr int kTrials = 300;
  int held = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    scenes::Random random(5, static_cast<std::uint64_t>(trial));
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) values.push_back(-std::log(1 - random.uniform()));  // mean 1
    const Interval interval = bootstrap_interval(values, 9, 500);
    EXPECT_LT(interval.low, mean(values));
    EXPECT_GT(interval.high, mean(values));
    held += interval.low <= 1 && 1 <= interval.high ? 1 : 0;
  }
  EXPECT_GE(held, kTrials * 0.88);
  EXPECT_LE(held, kTrials * 0.99);
}

TEST(StatisticsTest, TheSameSeedGivesTheSameInterval) {
  const std::vector<double> values = {1, 4, 2, 8, 5, 7};
  const Interval first = bootstrap_interval(values, 3);
  const Interval again = bootstrap_interval(values, 3);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_EQ(bootstrap_interval({2.5}, 3).high, 2.5);
}

TEST(StatisticsTest, PairingTakesOutWhatTheTargetsHaveInCommon) {
  std::vector<double> a, b;
  scenes::Random random(1);
  for (int i = 0; i < 50; ++i) {
    b.push_back(random.uniform(0, 100));
    a.push_back(b.back() + 1 + random.uniform(-0.1, 0.1));
  }
  const Interval paired = paired_interval(a, b, 4);
  EXPECT_GT(paired.low, 0.9);
  EXPECT_LT(paired.high, 1.1);
  EXPECT_EQ(error_of([&] { paired_interval(a, {1}, 4); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace omr::eval
