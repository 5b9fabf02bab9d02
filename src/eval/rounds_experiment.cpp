#include "omr/eval/rounds_experiment.h"

#include "omr/core/error.h"

namespace omr::eval {

std::vector<ArmResult> run_rounds_experiment(const RoundsExperiment& experiment,
                                             const Models& models,
                                             const ExperimentProgress& progress,
                                             const Cancellation& cancellation) {
  if (experiment.targets < 1) throw Error(ErrorKind::usage, "there must be at least one target");
  std::vector<ArmResult> results;
  const int dialogues = experiment.targets * static_cast<int>(experiment.arms.size());
  int done = 0;
  for (const Arm& arm : experiment.arms) {
    ArmResult result{arm, {}, {}, 0, {}};
    for (int i = 0; i < experiment.targets; ++i) {
      const DialogueInputs inputs{experiment.seed, static_cast<std::uint64_t>(i), experiment.user,
                                  experiment.settings};
      result.dialogues.push_back(run_simulated_dialogue(arm, models, inputs, cancellation));
      if (progress) progress(++done, dialogues, arm);
    }
    result.summary = summarise(result.dialogues, experiment.user.max_rounds, experiment.seed);
    const std::vector<double> rounds = rounds_of(result.dialogues);
    const std::vector<double> first =
        results.empty() ? rounds : rounds_of(results.front().dialogues);
    result.extra_rounds = mean(rounds) - mean(first);
    result.extra_rounds_ci = paired_interval(rounds, first, experiment.seed);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace omr::eval
