// Rounds to the picture that a simulated user has in mind, for several ways of getting there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "omr/eval/rounds_summary.h"
#include "omr/eval/simulated_dialogue.h"

namespace omr::eval {

struct RoundsExperiment {
  std::uint64_t seed = 0;
  int targets = 100;
  scenes::SimulatedUserOptions user;
  session::Settings settings;
  std::vector<Arm> arms;
};

struct ArmResult {
  Arm arm;
  RoundsSummary summary;
  std::vector<DialogueTrace> dialogues;
  // Rounds that this arm takes beyond those of the first, target by target.
  double extra_rounds = 0;
  Interval extra_rounds_ci;
};

// Dialogues done, of all.
using ExperimentProgress = std::function<void(int done, int of, const Arm& arm)>;

// Every arm meets the same users. Arms run one after another, in order.
std::vector<ArmResult> run_rounds_experiment(const RoundsExperiment& experiment,
                                             const Models& models,
                                             const ExperimentProgress& progress,
                                             const Cancellation& cancellation);

}  // namespace omr::eval
