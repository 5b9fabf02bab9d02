// The ways of refining a picture that an experiment sets against each other.
#pragma once

#include <string>
#include <vector>

#include "omr/session/settings.h"

namespace omr::eval {

// Everything that distinguishes an arm is a switch of the same session.
struct Arm {
  std::string name;               // in tables and JSON: "full"
  std::string title;              // for people: what it is, or lacks
  bool refiner = true;            // off: feedback is joined to the text so far
  bool perfect_listener = false;  // in its place one who misses nothing of what the user means
  bool user_picks = false;        // the user sees all candidates and goes on from the best
  bool reward_model = true;       // off: the first candidate is kept
  bool fresh_noise = false;       // a new seed in every round
  bool phrase_weights = true;     // reweighting of the prompt embedding, where the settings say so
  bool loras = true;
  bool learning = true;         // reward multipliers follow picks, likes and dislikes
  std::string reward_schedule;  // session/reward_schedule.h; empty: as the settings say
  std::string keep;             // session/candidate_plan.h; empty: as the settings say
  // Candidates drawn in each round; 0: as the settings say. The steps are scaled so that a first
  // round costs as many UNet calls as every other arm's.
  int candidates = 0;
};

// The full loop first, then each of its parts taken away, and a person who re-prompts a text to
// image tool.
const std::vector<Arm>& standard_arms();

// Arms by name, in the order given; all of them for an empty list. Throws Error(usage) that lists
// the names.
std::vector<Arm> choose_arms(const std::vector<std::string>& names);

// The settings of a session in this arm.
session::Settings settings_of(const Arm& arm, session::Settings base);

}  // namespace omr::eval
