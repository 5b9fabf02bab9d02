// Pairs of scenes without end: a caption's picture, and one that is wrong in one attribute that the
// caption says.
#pragma once

#include <cstdint>

#include "omr/scenes/captions.h"
#include "omr/train/preference_source.h"

namespace omr::train {

class ScenePreferences : public PreferenceSource {
 public:
  // Pictures of `size` pixels a side.
  ScenePreferences(std::uint64_t seed, int size, const scenes::CaptionOptions& captions = {})
      : seed_(seed), size_(size), captions_(captions) {}

  std::uint64_t size() const override { return 0; }
  PreferencePair pair(std::uint64_t index) const override;
  io::Json description() const override;

 private:
  std::uint64_t seed_;
  int size_;
  scenes::CaptionOptions captions_;
};

}  // namespace omr::train
