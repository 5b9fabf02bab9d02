// The experiment's results for machines and for people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "omr/eval/rounds_experiment.h"

namespace omr::eval {

// {"rounds_mean":…,"rounds_ci":[low,high],"accepted":…,"broken_per_round":…,…}
nlohmann::ordered_json to_json(const RoundsSummary& summary);
// One line a dialogue: arm, index, accepted, and for each round prompt, feedback, attributes right.
nlohmann::ordered_json to_json(const Arm& arm, const DialogueTrace& dialogue);
// {"event":"summary","drawer":…,"arms":{"full":{…},…}}
nlohmann::ordered_json summary_event(const std::string& drawer,
                                     const std::vector<ArmResult>& results);

// "got right least by full: place bottom right 81.2 %, colour pink 83.0 %, …", for an owner to see.
std::string weakest_line(const ArmResult& result);

// A table in plain text, one line an arm.
std::string text_table(const std::vector<ArmResult>& results);

struct DrawerResults {
  std::string drawer;  // "model" or "perfect"
  std::vector<ArmResult> results;
};
// One self-contained HTML page: tables, curves by round, the weakest values, how it was run.
std::string html_report(const RoundsExperiment& experiment,
                        const std::vector<DrawerResults>& drawers);

}  // namespace omr::eval
