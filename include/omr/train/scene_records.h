// Edits of scenes' captions, in a user's words, without end (scenes/scene_edit.h).
#pragma once

#include <cstdint>

#include "omr/train/refiner_source.h"

namespace omr::train {

class SceneRecords : public RefinerSource {
 public:
  explicit SceneRecords(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t size() const override { return 0; }
  RefinerRecord record(std::uint64_t index) const override;
  io::Json description() const override { return {{"data", "scenes"}, {"scenes_seed", seed_}}; }

 private:
  std::uint64_t seed_;
};

}  // namespace omr::train
