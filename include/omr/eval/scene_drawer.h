// A perfect image model of the scenes world: it draws what the prompt says. With it an experiment
// shows what the dialogue alone costs, and what of the rounds is owed to the real model's drawing.
#pragma once

#include "omr/session/image_model.h"

namespace omr::eval {

// What a prompt leaves unsaid is drawn by lot from the candidate's seed, so that the same seed
// keeps the composition. Latents hold the picture's seed alone; a start from kept latents keeps
// that seed.
class SceneDrawer : public session::ImageModel {
 public:
  explicit SceneDrawer(int width) : width_(width) {}

  std::vector<session::Candidate> generate(const session::ImageRequest& request,
                                           const session::Progress& progress,
                                           const Cancellation& cancellation) override;
  // Takes any adapter: it has no weights that one could change.
  void check_lora(const session::LoraChoice&) override {}

 private:
  int width_;  // pixels a side
};

}  // namespace omr::eval
