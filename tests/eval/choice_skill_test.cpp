#include "omr/eval/choice_skill.h"

#include <gtest/gtest.h>

#include "omr/eval/scene_drawer.h"
#include "omr/scenes/captions.h"

#include "scripted_rewards.h"

namespace omr::eval {
namespace {

session::Settings choice_settings() {
  session::Settings out;
  out.steps = 4;
  return out;
}

// Draws the last candidate of each request as it is said, and the others without an object.
class LastIsRight : public SceneDrawer {
 public:
  LastIsRight() : SceneDrawer(96) {}
  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override {
    std::vector<session::Candidate> out = SceneDrawer::generate(request, progress, cancellation);
    session::ImageRequest lacking = request;
    scenes::Description said = scenes::read_caption(request.prompt);
    said.objects.pop_back();
    lacking.prompt = scenes::caption(said);
    std::vector<session::Candidate> wrong = SceneDrawer::generate(lacking, progress, cancellation);
    for (std::size_t i = 0; i + 1 < out.size(); ++i) out[i] = wrong[i];
    return out;
  }
};

TEST(ChoiceSkillTest, ARewardModelThatSeesChoosesTheOneDrawingThatIsRight) {
  LastIsRight drawer;
  JudgeReward judge;
  int seen = 0;
  const ChoiceSkill skill = measure_choice(
      drawer, judge, choice_settings(), 20, 3, 5, kFullCaptions,
      [&](const JudgedCaption& judged) {
        EXPECT_EQ(judged.number, seen++);
        ASSERT_EQ(judged.drawings.size(), 3u);
        EXPECT_EQ(judged.chosen, 2u);
        EXPECT_EQ(judged.best(), 2u);
        EXPECT_LT(judged.drawings[0].share_right, judged.drawings[2].share_right);
      },
      {}, Cancellation());
  EXPECT_EQ(seen, 20);
  EXPECT_EQ(skill.chosen.right, 20);
  EXPECT_EQ(skill.best.right, 20);
  EXPECT_EQ(skill.any.right, 20);
  EXPECT_EQ(skill.any.of, 60);
  EXPECT_DOUBLE_EQ(skill.any.interval.low, 1.0 / 3);
}

TEST(ChoiceSkillTest, ABlindRewardModelTakesTheFirst) {
  LastIsRight drawer;
  BlindReward blind;
  const ChoiceSkill skill = measure_choice(drawer, blind, choice_settings(), 5, 2, 5, kFullCaptions,
                                           {}, {}, Cancellation());
  EXPECT_EQ(skill.chosen.right, 0);
  EXPECT_EQ(skill.chosen.of, 5);
  EXPECT_EQ(skill.best.right, 5);
}

}  // namespace
}  // namespace omr::eval
