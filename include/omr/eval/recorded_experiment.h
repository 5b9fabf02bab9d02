// Recorded dialogues with a target in words, for models whose pictures no pixel judge can read: the
// reward model says how well each kept picture shows the target. It is the same model that picked
// the candidates, so the scores compare arms and rounds; they do not say what a person would see.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "omr/eval/arm.h"
#include "omr/eval/simulated_dialogue.h"
#include "omr/eval/statistics.h"
#include "omr/session/dialogue.h"

namespace omr::eval {

struct RecordedTarget {
  session::Dialogue dialogue;
  std::string target;  // the whole of what the person wanted, in words
};

// A dialogue a line as session/dialogue.h has them, each with "target":"…". Throws Error(format)
// with `where` and the line.
std::vector<RecordedTarget> read_recorded_targets(std::string_view text, const std::string& where);

struct RecordedTrace {
  std::vector<double> scores;  // of each round's kept picture against the target
  double unet_calls = 0;       // of all rounds
  double seconds = 0;
  double diversity = 0;  // mean over the rounds
};

struct RecordedArmResult {
  Arm arm;
  std::vector<RecordedTrace> dialogues;
  std::vector<double> score_by_round;  // means over the dialogues that got as far
  double last_score = 0;               // mean of the last round's
  Interval last_score_ci;
  double gain = 0;  // last round over first, mean
  Interval gain_ci;
  double beyond_first = 0;  // the last score beyond the first arm's, dialogue by dialogue
  Interval beyond_first_ci;
  double worse_rounds = 0;  // share of rounds whose score is below the round's before
};

// Every arm draws every dialogue; `models` need a reward model, or Error(usage). `settings` are
// those of every arm, which each dialogue's own override. Arms of a perfect listener or of a user
// who picks are refused: nobody is there.
std::vector<RecordedArmResult> run_recorded_experiment(
    const std::vector<RecordedTarget>& targets, const std::vector<Arm>& arms,
    const session::Settings& settings, std::uint64_t seed, const Models& models,
    const std::function<void(int done, int of, const Arm& arm)>& progress,
    const Cancellation& cancellation);

// {"event":"summary","judge":"reward model","arms":{…}}
nlohmann::ordered_json summary_event(const std::vector<RecordedArmResult>& results);
std::string text_table(const std::vector<RecordedArmResult>& results);
std::string html_report(const std::vector<RecordedArmResult>& results);

}  // namespace omr::eval
