#include "replay/turns.h"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace omr::replay {
namespace {

TEST(TurnsTest, EachGoesOnToItsNextWaitInOrder) {
  Turns turns;
  std::string seen;
  const auto work = [&](char name, int waits) {
    return [&, name, waits] {
      for (int i = 0; i < waits; ++i) {
        seen += name;
        turns.wait();
      }
      seen += static_cast<char>(name - 'a' + 'A');
    };
  };
  turns.run({work('a', 2), work('b', 0), work('c', 3)}, [&] { seen += '|'; });
  EXPECT_EQ(seen, "aBc|ac|Ac|C");
  turns.run({}, [&] { seen += '!'; });
  EXPECT_EQ(seen, "aBc|ac|Ac|C");
}

TEST(TurnsTest, AFailureStopsTheOthersWhereTheyWait) {
  Turns turns;
  int unwound = 0;
  bool after = false;
  struct Counter {
    int& count;
    ~Counter() { ++count; }
  };
  const auto waits = [&] {
    const Counter counter{unwound};
    try {
      turns.wait();
    } catch (const std::exception&) {
      FAIL() << "handled as a failure of its own";
    }
    after = true;
  };
  const auto fails = [&] { throw std::runtime_error("broken"); };
  EXPECT_THROW(turns.run({waits, fails, waits}, [] {}), std::runtime_error);
  EXPECT_EQ(unwound, 1);  // the third never began
  EXPECT_FALSE(after);
}

TEST(TurnsTest, AFailureWhileServingStopsAll) {
  Turns turns;
  bool after = false;
  const auto waits = [&] {
    turns.wait();
    after = true;
  };
  EXPECT_THROW(turns.run({waits, waits}, [] { throw std::runtime_error("broken"); }),
               std::runtime_error);
  EXPECT_FALSE(after);
}

}  // namespace
}  // namespace omr::replay
