#include "omr/eval/arm.h"

#include <algorithm>

#include "omr/core/error.h"
#include "omr/session/candidate_plan.h"

namespace omr::eval {

const std::vector<Arm>& standard_arms() {
  static const std::vector<Arm> arms = [] {
    std::vector<Arm> out;
    const auto add = [&](const char* name, const char* title, const auto& change) {
      Arm arm;
      arm.name = name;
      arm.title = title;
      change(arm);
      out.push_back(arm);
    };
    const auto reprompting = [](Arm& arm) {
      arm.reward_model = arm.phrase_weights = arm.loras = arm.learning = false;
      arm.fresh_noise = true;
    };
    add("full", "the whole loop", [](Arm&) {});
    add("reprompt", "re-prompting: all text so far, a new seed each round", [&](Arm& arm) {
      reprompting(arm);
      arm.refiner = false;
    });
    add("reprompt-refiner", "re-prompting with the refiner's prompt", reprompting);
    add("no-reweighting", "without phrase weights", [](Arm& arm) { arm.phrase_weights = false; });
    add("no-lora", "without LoRA", [](Arm& arm) { arm.loras = false; });
    add("static-rewards", "the same reward weights in every round, none learnt", [](Arm& arm) {
      arm.reward_schedule = "static";
      arm.learning = false;
    });
    add("fixed-multipliers", "the paper's schedule, nothing learnt in the session",
        [](Arm& arm) { arm.learning = false; });
    add("no-mutual-information", "the paper's schedule without mutual information",
        [](Arm& arm) { arm.reward_schedule = "paper-without-mi"; });
    add("alignment-only", "candidates picked by preference and mutual information",
        [](Arm& arm) { arm.reward_schedule = "alignment"; });
    add("preference-only", "candidates picked by preference alone",
        [](Arm& arm) { arm.reward_schedule = "none"; });
    add("one-candidate", "one candidate, of as many UNet calls",
        [](Arm& arm) { arm.candidates = 1; });
    for (const std::string& policy : session::keep_policy_names()) {
      add(("keep-" + policy).c_str(), "what is kept of the picture: see --keep",
          [&](Arm& arm) { arm.keep = policy; });
    }
    add("user-picks", "the user goes on from the best candidate, not the rewards",
        [](Arm& arm) { arm.user_picks = true; });
    add("perfect-listener", "the whole loop with a listener who misses nothing",
        [](Arm& arm) { arm.perfect_listener = true; });
    add("fresh-noise", "a new seed each round", [](Arm& arm) { arm.fresh_noise = true; });
    return out;
  }();
  return arms;
}

std::vector<Arm> choose_arms(const std::vector<std::string>& names) {
  if (names.empty()) return standard_arms();
  std::vector<Arm> out;
  for (const std::string& name : names) {
    const auto found = std::find_if(standard_arms().begin(), standard_arms().end(),
                                    [&](const Arm& arm) { return arm.name == name; });
    if (found == standard_arms().end()) {
      std::string known;
      for (const Arm& arm : standard_arms()) known += (known.empty() ? "" : ", ") + arm.name;
      throw Error(ErrorKind::usage, "there is no arm \"" + name + "\"; there are " + known);
    }
    out.push_back(*found);
  }
  return out;
}

session::Settings settings_of(const Arm& arm, session::Settings base) {
  if (!arm.phrase_weights) base.use_phrase_weights = false;
  if (!arm.reward_schedule.empty()) base.reward_schedule = arm.reward_schedule;
  if (!arm.keep.empty()) base.keep = arm.keep;
  if (!arm.learning) base.learning_rate = 0;
  if (!arm.loras) base.loras.clear();
  if (arm.candidates > 0) {
    base.steps = std::min(base.steps * base.candidates / arm.candidates, session::kMaxSteps);
    base.candidates = arm.candidates;
  }
  return base;
}

}  // namespace omr::eval
