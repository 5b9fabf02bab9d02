// Reward models that see everything, and nothing.
#pragma once

#include <string>
#include <vector>

#include "omr/scenes/captions.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/judge.h"
#include "omr/session/reward_model.h"

namespace omr::eval {

// Reads pictures with the judge: as many shared attributes, as good.
class JudgeReward : public session::RewardModel {
 public:
  std::vector<session::Embedding> embed_text(const std::vector<std::string>&) override {
    return {};
  }
  std::vector<session::Embedding> embed_images(const std::vector<Image>&) override { return {}; }
  std::vector<double> preferences(const std::string& prompt,
                                  const std::vector<Image>& images) override {
    std::vector<double> out;
    for (const Image& image : images)
      out.push_back(
          scenes::compare(scenes::read_caption(prompt), scenes::judge(image)).share_right());
    return out;
  }
  double logit_scale() const override { return 1; }
};

// Every picture and every text are the same to it.
class BlindReward : public session::RewardModel {
 public:
  std::vector<session::Embedding> embed_text(const std::vector<std::string>& texts) override {
    return std::vector<session::Embedding>(texts.size(), {1, 0});
  }
  std::vector<session::Embedding> embed_images(const std::vector<Image>& images) override {
    return std::vector<session::Embedding>(images.size(), {1, 0});
  }
  double logit_scale() const override { return 1; }
};

}  // namespace omr::eval
