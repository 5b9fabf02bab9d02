#include "omr/session/state.h"

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr::session {
namespace {

class StateTest : public ::testing::Test {
 protected:
  StateTest() {
    SessionRecord record;
    record.settings.prompt = "a star, no moon";
    record.settings.seed = 7;
    state_ = initial_state(record);
  }
  static RoundRecord round(int number, int parent, int t) {
    RoundRecord record;
    record.round = number;
    record.parent = parent;
    record.t = t;
    record.prompt = "prompt " + std::to_string(number);
    record.seed = 7;
    record.candidates.resize(2);
    record.applicable.pref = true;
    record.candidates[1].raw.pref = 4;
    return record;
  }
  void refuse(const Record& record) {
    const std::size_t rounds = state_.rounds.size();
    const int current = state_.current();
    try {
      session::apply(state_, record);
      ADD_FAILURE() << to_line(record);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format);
    }
    EXPECT_EQ(state_.rounds.size(), rounds);
    EXPECT_EQ(state_.current(), current);
  }
  SessionState state_;
};

TEST_F(StateTest, BasePromptIsTheSessionsUntilARoundIsThere) {
  EXPECT_EQ(state_.base_prompt(), (Prompt{"a star", "moon"}));
  session::apply(state_, round(1, 0, 0));
  EXPECT_EQ(state_.base_prompt().text, "prompt 1");
  session::apply(state_, PromptRecord{"a moon"});
  EXPECT_EQ(state_.base_prompt().text, "a moon");
  session::apply(state_, round(2, 1, 1));
  EXPECT_FALSE(state_.manual_prompt);
  EXPECT_EQ(state_.prompts_on_branch(2), (std::vector<std::string>{"prompt 1", "prompt 2"}));
}

TEST_F(StateTest, StatisticsGrowWithEveryRound) {
  session::apply(state_, round(1, 0, 0));
  EXPECT_EQ(state_.statistics.pref.count(), 2);
  EXPECT_DOUBLE_EQ(state_.statistics.pref.mean(), 2.0);
  EXPECT_EQ(state_.statistics.cons.count(), 0);
}

TEST_F(StateTest, RecordsThatDoNotFitAreRefused) {
  refuse(round(2, 0, 0));
  refuse(round(1, 1, 0));
  refuse(round(1, 0, 1));
  refuse(PickRecord{1, 1, {}});
  session::apply(state_, round(1, 0, 0));
  refuse(round(2, 0, 0));
  refuse(round(2, 1, 0));
  refuse(PickRecord{1, 3, {}});
  refuse(PickRecord{2, 1, {}});
  refuse(ReactionRecord{true, 1, 0, {}});
  refuse(AcceptRecord{2, 1});
  refuse(MoveRecord{Move::undo, 1});
  refuse(MoveRecord{Move::redo, 1});
  refuse(MoveRecord{Move::go_to, 2});
  refuse(StrengthRecord{2});
  refuse(SessionRecord{});
  RoundRecord empty = round(2, 1, 1);
  empty.candidates.clear();
  refuse(empty);
  RoundRecord unpicked = round(2, 1, 1);
  unpicked.picked = 3;
  refuse(unpicked);
}

TEST_F(StateTest, ResumeReopensAnEndedSession) {
  session::apply(state_, round(1, 0, 0));
  session::apply(state_, AcceptRecord{1, 2});
  EXPECT_TRUE(state_.ended);
  EXPECT_EQ(state_.accepted, 1);
  EXPECT_EQ(state_.round(1).picked, 2);
  session::apply(state_, ResumeRecord{});
  EXPECT_FALSE(state_.ended);
  session::apply(state_, round(2, 1, 1));
  EXPECT_FALSE(state_.accepted);
}

}  // namespace
}  // namespace omr::session
