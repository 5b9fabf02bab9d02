// Edits of scenes' captions, in a user's words, without end (scenes/scene_edit.h).
#pragma once

#include <cstdint>

#include "omr/train/refiner_source.h"

namespace omr::train {

class SceneRecords : public RefinerSource {
 public:
  // `one_wish_at_a_time`: what a session would hand the model wish by wish (session/wishes.h) is
  // one wish here too; two that only make sense together stay.
  explicit SceneRecords(std::uint64_t seed, bool one_wish_at_a_time = false)
      : seed_(seed), one_wish_at_a_time_(one_wish_at_a_time) {}
  std::uint64_t size() const override { return 0; }
  RefinerRecord record(std::uint64_t index) const override;
  io::Json description() const override;

 private:
  std::uint64_t seed_;
  bool one_wish_at_a_time_;
};

}  // namespace omr::train
