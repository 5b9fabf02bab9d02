#include "omr/session/prompt_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace omr::session {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PromptDiffTest, ShowsTheWordThatChanged) {
  EXPECT_THAT(
      diff_prompts("a small red star", "a large red star"),
      ElementsAre(DiffSpan{DiffKind::kept, "a"}, DiffSpan{DiffKind::deleted, "small"},
                  DiffSpan{DiffKind::inserted, "large"}, DiffSpan{DiffKind::kept, "red star"}));
}

TEST(PromptDiffTest, EqualTextsAreKeptWhole) {
  EXPECT_THAT(diff_prompts("A star, alone", "a star, alone"),
              ElementsAre(DiffSpan{DiffKind::kept, "a star, alone"}));
  EXPECT_THAT(diff_prompts("", ""), IsEmpty());
}

TEST(PromptDiffTest, AppendedAndRemovedTextStandsAtItsPlace) {
  EXPECT_THAT(
      diff_prompts("a star", "a star and a moon"),
      ElementsAre(DiffSpan{DiffKind::kept, "a star"}, DiffSpan{DiffKind::inserted, "and a moon"}));
  EXPECT_THAT(
      diff_prompts("a star on black", "a star"),
      ElementsAre(DiffSpan{DiffKind::kept, "a star"}, DiffSpan{DiffKind::deleted, "on black"}));
}

TEST(PromptDiffTest, VeryLongTextsAreReplacedAsAWhole) {
  std::string a, b;
  for (int i = 0; i < 3000; ++i) a += "x ", b += "y ";
  EXPECT_EQ(diff_prompts(a, b).size(), 2u);
}

}  // namespace
}  // namespace omr::session
