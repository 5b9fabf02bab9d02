// One dialogue of a simulated user with a session.
#pragma once

#include <cstdint>

#include "omr/core/cancellation.h"
#include "omr/eval/arm.h"
#include "omr/eval/dialogue_trace.h"
#include "omr/eval/picture_change.h"
#include "omr/scenes/simulated_user.h"
#include "omr/session/parts.h"

namespace omr::eval {

// The models of every arm; an arm leaves out what it does without.
struct Models {
  session::ImageModel& image_model;
  session::LanguageModel* language_model = nullptr;
  session::RewardModel* reward_model = nullptr;
  session::Clock& clock;
  PictureDistance perceptual_distance = {};  // may be empty
};

struct DialogueInputs {
  std::uint64_t seed = 0;   // of the experiment
  std::uint64_t index = 0;  // of the user
  scenes::SimulatedUserOptions user;
  session::Settings settings;  // of every arm; prompt and seed are the dialogue's own
};

// Runs the session until the user accepts or gives up. The session's own seed is the same in every
// arm. Throws what the models throw, Error(cancelled) among them.
DialogueTrace run_simulated_dialogue(const Arm& arm, const Models& models,
                                     const DialogueInputs& inputs,
                                     const Cancellation& cancellation);

}  // namespace omr::eval
