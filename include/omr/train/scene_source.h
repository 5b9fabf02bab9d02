// The scenes world as pictures with captions: without end, each a pure function of seed and index.
#pragma once

#include <cstdint>
#include <string>

#include "omr/scenes/captions.h"
#include "omr/scenes/random.h"
#include "omr/scenes/scene.h"
#include "omr/train/image_text_source.h"

namespace omr::train {

struct SceneSourceSettings {
  std::uint64_t seed = 0;
  int size = 128;              // pixels a side
  std::uint64_t pictures = 0;  // 0: no end; else the first so many
  // More objects, over each other, anywhere: an autoencoder learns edges and colours faster from
  // them.
  bool dense = false;
  scenes::CaptionOptions captions = {};
};

class SceneSource : public ImageTextSource {
 public:
  explicit SceneSource(const SceneSourceSettings& settings) : settings_(settings) {}

  scenes::Scene scene(std::uint64_t index) const;

  std::uint64_t size() const override { return settings_.pictures; }
  Image image(std::uint64_t index) const override;
  std::string text(std::uint64_t index, std::uint64_t variant) const override;
  std::optional<HardNegative> hard_negative(std::uint64_t index,
                                            std::uint64_t variant) const override;
  std::optional<Judgement> judge(std::uint64_t index, std::uint64_t variant,
                                 const Image& drawn) const override;
  io::Json description() const override;

 private:
  scenes::Random words(std::uint64_t index, std::uint64_t variant) const;
  scenes::Description said(std::uint64_t index, std::uint64_t variant) const;
  SceneSourceSettings settings_;
};

}  // namespace omr::train
