// What a session asks of the reward model: where texts and pictures lie in one common space.
#pragma once

#include <string>
#include <vector>

#include "omr/core/image.h"

namespace omr::session {

// Unit length: a dot product is a cosine.
using Embedding = std::vector<float>;

class RewardModel {
 public:
  virtual ~RewardModel() = default;

  // One embedding per input, all of one dimension. Throw Error(resource).
  virtual std::vector<Embedding> embed_text(const std::vector<std::string>& texts) = 0;
  virtual std::vector<Embedding> embed_images(const std::vector<Image>& images) = 0;

  // How well each picture shows the prompt, where the model judges both together (ImageReward).
  // Empty where that is logit_scale times the cosine of the embeddings.
  virtual std::vector<double> preferences(const std::string& /*prompt*/,
                                          const std::vector<Image>& /*images*/) {
    return {};
  }

  // The factor on a cosine that makes it a score: exp of the checkpoint's logit_scale.
  virtual double logit_scale() const = 0;
};

}  // namespace omr::session
