#include "omr/eval/part_skills.h"

#include <gtest/gtest.h>

#include "omr/eval/scene_drawer.h"
#include "omr/scenes/scene_edit.h"

#include "scripted_rewards.h"

namespace omr::eval {
namespace {

session::Settings part_settings() {
  session::Settings out;
  out.steps = 4;
  return out;
}

// Knows one colour only.
class BadPainter : public SceneDrawer {
 public:
  BadPainter() : SceneDrawer(96) {}
  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    session::ImageRequest red = request;
    scenes::Description said = scenes::read_caption(request.prompt);
    for (scenes::ObjectDescription& object : said.objects) object.colour = scenes::Colour::red;
    red.prompt = scenes::caption(said);
    return SceneDrawer::generate(red, progress, cancellation);
  }
};

// Knows the records; forgets everything where `forgetful` says so.
class Recorder : public session::LanguageModel {
 public:
  explicit Recorder(bool forgetful) : forgetful_(forgetful) {}
  session::Refinement refine(const std::string& prompt, const std::string& feedback,
                             const Cancellation&) override {
    if (forgetful_) return {prompt};
    for (const double two : {0.0, 1.0}) {
      for (std::uint64_t i = 0; i < 20; ++i) {
        const scenes::RefinerRecord record = scenes::refiner_record(3, i, {.two_at_once = two});
        if (record.prompt == prompt && record.feedback == feedback) return {record.refined};
      }
    }
    return {"?"};
  }

 private:
  bool forgetful_;
};

TEST(DrawingSkillTest, APerfectDrawerMissesNothing) {
  SceneDrawer drawer(96);
  int last = 0;
  const DrawingSkill skill = measure_drawing(
      drawer, part_settings(), 21, 5, kFullCaptions, [&](int done, int) { last = done; },
      Cancellation());
  EXPECT_EQ(last, 21);
  EXPECT_EQ(skill.pictures.right, 21);
  EXPECT_EQ(skill.attributes.right, skill.attributes.of);
  EXPECT_EQ(skill.attributes.interval.low, 1);
  EXPECT_EQ(by_kind(skill.by_value).size(), 5u);
}

TEST(DrawingSkillTest, WhatCaptionsLeaveUnsaidDoesNotCount) {
  SceneDrawer drawer(96);
  const DrawingSkill skill =
      measure_drawing(drawer, part_settings(), 21, 5, {1, 0, 0, 1}, {}, Cancellation());
  EXPECT_EQ(skill.pictures.right, 21);
  const ValueShares kinds = by_kind(skill.by_value);
  EXPECT_EQ(kinds.count("place") + kinds.count("background"), 0u);
  EXPECT_EQ(kinds.at("shape").of, kinds.at("size").of);
  for (const DrawnCaption& one : skill.drawn)
    EXPECT_EQ(one.caption.find("background"), std::string::npos) << one.caption;
}

TEST(DrawingSkillTest, CountsWhatIsWrongByValue) {
  BadPainter drawer;
  const DrawingSkill skill =
      measure_drawing(drawer, part_settings(), 40, 5, kFullCaptions, {}, Cancellation());
  const ValueShares kinds = by_kind(skill.by_value);
  EXPECT_LT(kinds.at("colour").value(), 0.3);
  // Two objects of one colour are sometimes one region to the judge.
  EXPECT_GT(skill.by_value.at("colour red").value(), 0.8);
  EXPECT_GT(kinds.at("shape").value(), 0.8);
  EXPECT_LT(skill.attributes.right, skill.attributes.of);
  EXPECT_LT(skill.attributes.interval.low, skill.attributes.interval.high);
  EXPECT_EQ(weakest_values(skill.by_value, 1).front().second.value(), 0);
}

TEST(RefiningSkillTest, WantsTheWholePromptAndListsWhatWasMissed) {
  Recorder knowing(false), forgetful(true);
  const RefiningSkill all = measure_refining(knowing, 0, 20, 3, {}, Cancellation());
  EXPECT_EQ(all.single_edits.answered.right, 20);
  EXPECT_EQ(all.double_edits.answered.right, 20);
  EXPECT_TRUE(all.missed.empty());
  const RefiningSkill none = measure_refining(forgetful, 0, 20, 3, {}, Cancellation());
  EXPECT_LT(none.single_edits.answered.right, 12)
      << "praise and what was said already change nothing";
  EXPECT_EQ(std::ssize(none.missed),
            40 - none.single_edits.answered.right - none.double_edits.answered.right);
  EXPECT_EQ(none.missed.front().answer, none.missed.front().prompt);
}

TEST(JudgingSkillTest, TheCaptionsOwnPictureIsTheRightOne) {
  JudgeReward judge;
  const JudgingSkill skill = measure_judging(judge, 96, 40, 2, {}, Cancellation());
  EXPECT_GE(skill.pairs.right, 39);
  std::int64_t of = 0;
  for (const auto& [kind, share] : skill.by_kind) of += share.of;
  EXPECT_EQ(of, 80);
  EXPECT_GT(skill.by_kind.at("shape").of, 2);
  EXPECT_GE(skill.miscounts.right, 39);
  EXPECT_EQ(skill.by_kind.at("one too many").of + skill.by_kind.at("one too few").of, 40);
}

TEST(JudgingSkillTest, ATieIsNotRight) {
  BlindReward blind;
  EXPECT_EQ(measure_judging(blind, 96, 5, 2, {}, Cancellation()).pairs.right, 0);
}

}  // namespace
}  // namespace omr::eval
