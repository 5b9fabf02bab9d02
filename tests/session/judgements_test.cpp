#include "omr/session/judgements.h"

#include <gtest/gtest.h>

namespace omr::session {
namespace {

RoundRecord judged_record(int round, int parent, int t, const std::string& feedback,
                          const std::string& prompt, int candidates = 3) {
  RoundRecord record;
  record.round = round;
  record.parent = parent;
  record.t = t;
  record.feedback = feedback;
  record.prompt = prompt;
  for (int k = 1; k <= candidates; ++k) {
    CandidateRecord candidate;
    candidate.sha256 = std::to_string(round) + "-" + std::to_string(k);
    record.candidates.push_back(candidate);
  }
  return record;
}

std::vector<std::string> pairs(const Journal& journal) {
  std::vector<std::string> out;
  for (const Judgement& judgement : judgements_of(journal))
    out.push_back(judgement.better_sha256 + " > " + judgement.worse_sha256);
  return out;
}

using Strings = std::vector<std::string>;

TEST(JudgementsTest, OmrsOwnPickSaysNothingOfTheUser) {
  Journal journal;
  journal.records = {judged_record(1, 0, 0, "", "a star"),
                     judged_record(2, 1, 1, "bigger", "a large star")};
  EXPECT_TRUE(judgements_of(journal).empty());
  EXPECT_TRUE(accepted_refinements(journal).empty()) << "nothing was accepted";
}

TEST(JudgementsTest, AcceptedAbovePickedAboveLikedAboveUnsaidAboveDisliked) {
  Journal journal;
  journal.records = {judged_record(1, 0, 0, "", "a (red:1.3) star", 5),
                     ReactionRecord{false, 1, 4, {}}, ReactionRecord{true, 1, 2, {}},
                     PickRecord{1, 5, {}}, AcceptRecord{1, 3}};
  EXPECT_EQ(pairs(journal),
            (Strings{"1-1 > 1-4", "1-2 > 1-1", "1-2 > 1-4", "1-3 > 1-1", "1-3 > 1-2", "1-3 > 1-4",
                     "1-3 > 1-5", "1-5 > 1-1", "1-5 > 1-2", "1-5 > 1-4"}));
  const Judgement first = judgements_of(journal).front();
  EXPECT_EQ(first.prompt, "a red star");
  EXPECT_EQ(first.picked, 3) << "an accepted candidate is the kept one";
}

TEST(JudgementsTest, TheLastPickOfARoundCountsAndADislikeOutweighsIt) {
  Journal journal;
  journal.records = {judged_record(1, 0, 0, "", "a star"), PickRecord{1, 1, {}},
                     PickRecord{1, 2, {}}};
  EXPECT_EQ(pairs(journal), (Strings{"1-2 > 1-1", "1-2 > 1-3"}));
  journal.records.push_back(ReactionRecord{false, 1, 2, {}});
  EXPECT_EQ(pairs(journal), (Strings{"1-1 > 1-2", "1-3 > 1-2"}));
}

TEST(JudgementsTest, OnlyRoundsOnTheWayToTheAcceptedPictureAreRefinements) {
  Journal journal;
  RoundRecord failed = judged_record(4, 3, 2, "move it up", "a large blue star, move it up");
  failed.fallback_reason = "the refiner's answer is empty";
  RoundRecord negated = judged_record(5, 4, 3, "no hearts", "a large blue star");
  negated.negative_prompt = "hearts";
  RoundRecord last = judged_record(6, 5, 4, "make it green", "a (large:1.2) green star");
  last.negative_prompt = "hearts";
  journal.records = {judged_record(1, 0, 0, "", "a star"),
                     judged_record(2, 1, 1, "make it red", "a red star"),
                     MoveRecord{Move::undo, 1},
                     judged_record(3, 1, 1, "make it blue and large", "a large blue star"),
                     failed,
                     negated,
                     last,
                     AcceptRecord{6, 1}};
  const std::vector<AcceptedRefinement> refinements = accepted_refinements(journal);
  ASSERT_EQ(refinements.size(), 2u);
  EXPECT_EQ(refinements[0].prompt, "a large blue star");
  EXPECT_EQ(refinements[0].feedback, "make it green");
  EXPECT_EQ(refinements[0].refined, "a large green star");
  EXPECT_EQ(refinements[1].prompt, "a star");
  EXPECT_EQ(refinements[1].refined, "a large blue star");
}

}  // namespace
}  // namespace omr::session
