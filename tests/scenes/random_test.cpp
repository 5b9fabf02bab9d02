#include "omr/scenes/random.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace omr::scenes {
namespace {

TEST(RandomTest, GivesTheSameNumbersEverywhere) {
  Random random(42, 7);
  EXPECT_EQ(random.next(), 0x20a28ed9e2b2bc4ull);
  EXPECT_EQ(random.next(), 0x17e03160b6345c52ull);
  EXPECT_EQ(random.below(1000), 714u);
}

TEST(RandomTest, ItemsOfASourceDoNotFollowOneAnother) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (std::uint64_t index = 0; index < 100; ++index) {
      Random random(seed, index);
      for (int i = 0; i < 4; ++i) seen.insert(random.next());
    }
  }
  EXPECT_EQ(seen.size(), 4u * 100u * 4u);
}

TEST(RandomTest, CoversEveryValueEvenly) {
  Random random(1);
  std::vector<int> counts(8);
  for (int i = 0; i < 8000; ++i) ++counts[random.below(counts.size())];
  for (int count : counts) EXPECT_NEAR(count, 1000, 150);  // five standard deviations
  double sum = 0;
  for (int i = 0; i < 8000; ++i) sum += random.uniform(-1, 3);
  EXPECT_NEAR(sum / 8000, 1.0, 0.07);
}

TEST(RandomTest, ShufflesEveryOrderEvenly) {
  Random random(3);
  std::vector<int> first(4);
  for (int i = 0; i < 4000; ++i) {
    std::vector<int> items = {0, 1, 2, 3};
    random.shuffle(items);
    EXPECT_EQ(std::set<int>(items.begin(), items.end()).size(), 4u);
    ++first[static_cast<std::size_t>(items[0])];
  }
  for (int count : first) EXPECT_NEAR(count, 1000, 140);
}

}  // namespace
}  // namespace omr::scenes
