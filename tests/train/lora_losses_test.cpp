// What the methods' formulas must do whatever the model.
#include <cmath>
#include <map>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/session/rewards.h"
#include "omr/train/ddpo_loss.h"
#include "omr/train/diffusion_dpo_loss.h"
#include "omr/train/refl_loss.h"
#include "omr/train/sample_random.h"
#include "omr/train/scene_prompts.h"
#include "omr/train/total_reward.h"

#include "support/error_of.h"

namespace omr::train {
namespace {

TEST(ReflTest, StepsWithGradientAreThoseOfTheWindowEachAsOften) {
  const ReflSettings settings;
  std::map<int, int> seen;
  for (std::uint64_t i = 0; i < 4000; ++i)
    ++seen[draw_refl_step(settings, generator_for(7, Purpose::roll_out, i))];
  EXPECT_EQ(seen.begin()->first, 30);
  EXPECT_EQ(seen.rbegin()->first, 39);
  EXPECT_EQ(seen.size(), 10u);
  for (const auto& [step, count] : seen) EXPECT_NEAR(count, 400, 100) << step;
}

TEST(ReflTest, WindowsOutsideTheDrawingAreRefused) {
  for (const auto& [first, last] : {std::pair(-1, 3), {5, 4}, {3, 8}}) {
    ReflSettings settings{.steps = 8, .first_step = first, .last_step = last};
    EXPECT_TRUE(says(error_of([&] { check_refl(settings); }), "8 steps"));
  }
  check_refl({.steps = 8, .first_step = 0, .last_step = 7});
}

TEST(ReflTest, RewardsAboveTheMarginEarnNothingMore) {
  const at::Tensor rewards = at::tensor({-1.0, 1.5, 2.0, 9.0}).requires_grad_(true);
  const at::Tensor loss = refl_loss(rewards, {});
  EXPECT_TRUE(at::allclose(loss, at::tensor({3e-3, 5e-4, 0.0, 0.0})));
  loss.sum().backward();
  EXPECT_TRUE(at::allclose(rewards.grad(), at::tensor({-1e-3, -1e-3, 0.0, 0.0})));
}

TEST(DdpoTest, LogProbIsTheMeanOverElementsAndNoGradientReachesTheSample) {
  const at::Tensor sample = at::randn({2, 3, 4}).requires_grad_(true);
  const at::Tensor mean = at::randn({2, 3, 4}).requires_grad_(true);
  const double std = 0.7;
  const at::Tensor log_prob = gaussian_log_prob(sample, mean, std);
  const at::Tensor each = -(sample - mean).square() / (2 * std * std) - std::log(std) -
                          0.5 * std::log(2 * 3.14159265358979);
  EXPECT_TRUE(at::allclose(log_prob, each.mean({1, 2}), 1e-5, 1e-6));
  log_prob.sum().backward();
  EXPECT_FALSE(sample.grad().defined());
  EXPECT_TRUE(mean.grad().defined());
}

TEST(DdpoTest, RatiosOfTheSameWeightsAreOneAndClippedOnesGiveNoGradient) {
  const at::Tensor old = at::tensor({-1.0, -1.0, -1.0, -1.0});
  const at::Tensor now = at::tensor({-1.0, -0.9, -0.9, -1.1}).requires_grad_(true);
  const at::Tensor advantages = at::tensor({2.0, 2.0, -2.0, -2.0});
  const PpoLoss ppo = ppo_loss(now, old, advantages, 1e-4);
  EXPECT_EQ(ppo.ratio[0].item<double>(), 1.0);
  EXPECT_EQ(ppo.clip_fraction, 0.75);
  ppo.losses.sum().backward();
  EXPECT_NEAR(now.grad()[0].item<double>(), -2.0, 1e-6);
  EXPECT_EQ(now.grad()[1].item<double>(), 0.0) << "better already than the clip allows";
  EXPECT_NEAR(now.grad()[2].item<double>(), 2 * std::exp(0.1), 1e-5) << "worse: pulled back";
  EXPECT_EQ(now.grad()[3].item<double>(), 0.0);
}

TEST(DiffusionDpoTest, BetaScalesTheGradientOfTwoEqualModelsAndTiesAskForNoChange) {
  const at::Tensor won = at::tensor({0.30, 0.20}), lost = at::tensor({0.25, 0.40});
  for (const double beta : {1.0, 5000.0}) {
    const at::Tensor own = won.clone().requires_grad_(true);
    const DiffusionDpoLoss loss =
        diffusion_dpo_loss(own, lost, won, lost, at::tensor({1.0, 0.5}), beta);
    EXPECT_TRUE(at::allclose(loss.losses, at::full({2}, std::log(2.0), at::kDouble), 1e-5, 1e-6));
    loss.losses.sum().backward();
    EXPECT_NEAR(own.grad()[0].item<double>(), beta / 4, 1e-3 * beta);  // β/2 · σ(0)
    EXPECT_NEAR(own.grad()[1].item<double>(), 0, 1e-6 * beta);
  }
  // Nearer to the preferred picture than the reference is: less than log 2.
  const DiffusionDpoLoss better =
      diffusion_dpo_loss(won - 0.01, lost, won, lost, at::tensor({1.0, 0.0}), 100);
  EXPECT_LT(better.losses[0].item<double>(), std::log(2.0));
  EXPECT_GT(better.losses[1].item<double>(), std::log(2.0)) << "the label turns the pair about";
  EXPECT_EQ(better.implicit_accuracy, 0.5);
  const DiffusionDpoLoss tied =
      diffusion_dpo_loss(won - 0.01, lost, won, lost, at::tensor({1.0, 0.5}), 100);
  EXPECT_EQ(tied.implicit_accuracy, 0.75) << "a tie counts half";
}

session::Embedding to_embedding(const at::Tensor& vector) {
  const at::Tensor values = vector.contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

TEST(TotalRewardTest, TensorsGiveTheSessionsRewards) {
  const auto unit = [](const at::Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true); };
  constexpr int kRound = 3;
  RewardInputs inputs;
  inputs.images = unit(at::randn({3, 6}));
  inputs.prompts = unit(at::randn({1, 6})).expand({3, 6});
  const at::Tensor kept = unit(at::randn({6})), contrasts = unit(at::randn({2, 6}));
  inputs.kept = {kept, kept, kept};
  inputs.contrasts = {contrasts, contrasts, contrasts};
  inputs.groups = {4, 4, 4};
  inputs.rounds = {kRound, kRound, kRound};
  inputs.logit_scale = 12;
  inputs.preferences = inputs.images.mv(inputs.prompts[0]) * inputs.logit_scale;

  session::RewardInputs same;
  for (std::int64_t i = 0; i < 3; ++i) same.images.push_back(to_embedding(inputs.images[i]));
  same.prompt = to_embedding(inputs.prompts[0]);
  same.contrasts = {to_embedding(contrasts[0]), to_embedding(contrasts[1])};
  same.kept = to_embedding(kept);
  same.logit_scale = 12;
  const session::RewardReferences references = {
      session::RewardReference{1.0, 2.0}, session::RewardReference{0.3, 0.1},
      session::RewardReference{-0.1, 0.5}, session::RewardReference{-1.0, 0.7}};
  const session::RewardSchedule& schedule = session::find_reward_schedule("paper");
  const auto raw = session::raw_rewards(same);
  const auto expected = session::total_rewards(raw, session::applicable(same), references, {},
                                               schedule.lambda(kRound), {1, 1, 1});
  const RewardTermTensors terms =
      standardised_terms(inputs, raw_terms(inputs), references, schedule);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto& wanted = expected[static_cast<std::size_t>(i)];
    EXPECT_NEAR(terms.pref[i].item<double>(), wanted.pref, 1e-4);
    EXPECT_NEAR(terms.div[i].item<double>(), wanted.div, 1e-4);
    EXPECT_NEAR(terms.cons[i].item<double>(), wanted.cons, 1e-4);
    EXPECT_NEAR(terms.mi[i].item<double>(), wanted.mi, 1e-4);
    EXPECT_NEAR(terms.total[i].item<double>(), wanted.total, 1e-4);
  }
}

TEST(TotalRewardTest, RewardsThatSayNothingOfAPictureAreZero) {
  RewardInputs inputs;
  inputs.images = at::eye(2, 4);
  inputs.prompts = at::eye(2, 4);
  inputs.preferences = at::ones({2});
  inputs.kept = {at::Tensor(), at::Tensor()};
  inputs.contrasts = {at::empty({0, 4}), at::empty({0, 4})};
  inputs.groups = {1, 2};
  inputs.rounds = {0, 9};
  const session::RewardReference shifted{5, 1};
  const RewardTermTensors terms =
      standardised_terms(inputs, raw_terms(inputs), {std::nullopt, shifted, shifted, shifted},
                         session::find_reward_schedule("static"));
  for (const at::Tensor& term : {terms.div, terms.cons, terms.mi})
    EXPECT_EQ(term.abs().max().item<double>(), 0);
  EXPECT_TRUE(at::equal(terms.total, at::ones({2})));
}

TEST(ScenePromptsTest, LaterRoundsBringThePromptsAndThePictureBefore) {
  const ScenePrompts prompts({.seed = 3, .size = 32, .prompts = 0, .rounds = 4});
  std::map<int, int> rounds;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const DialoguePrompt prompt = prompts.prompt(i);
    ++rounds[prompt.round];
    EXPECT_EQ(prompt.earlier.size(), static_cast<std::size_t>(prompt.round));
    EXPECT_EQ(prompt.kept.has_value(), prompt.round > 0);
    EXPECT_EQ(prompt.prompt, prompts.prompt(i).prompt);
    if (!prompt.kept) continue;
    EXPECT_EQ(prompt.kept->width, 32);
    // The kept picture shows the prompt before, not this one.
    EXPECT_EQ(prompts.judge(i, *prompt.kept)->total > 0, true);
  }
  EXPECT_EQ(rounds.size(), 4u);
}

}  // namespace
}  // namespace omr::train
