// What a session is started with: journalled in its first line, so that it can be resumed and
// replayed without the command line that began it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "omr/session/image_model.h"
#include "omr/session/phrase_weights.h"
#include "omr/session/reward_statistics.h"

namespace omr::session {

inline constexpr int kMaxCandidates = 64;
inline constexpr int kMaxSteps = 1000;
inline constexpr int kMaxReadings = 64;

struct Settings {
  std::string prompt;           // as the user gave it
  std::string negative_prompt;  // likewise
  std::uint64_t seed = 0;
  int steps = 20;                  // 1 to kMaxSteps
  double guidance_scale = 4.0;     // 0 to 100; 1 is off
  std::string scheduler = "ddim";  // a name that the image model knows
  int width = 0;                   // pixels; 0: the model's own
  int height = 0;
  int candidates = 1;  // K, 1 to kMaxCandidates
  // How much of the schedule a refinement repeats when it starts from kept latents, in (0, 1]. When
  // the user gave none, the first candidate starts from noise and the others repeat
  // kDefaultStrength.
  std::optional<double> strength;
  // A round shall take no longer: steps, candidates and strength are chosen to fit (round_pace.h).
  std::optional<double> round_seconds;
  // Answers of the refiner held beside a doubtful one, 0 to kMaxReadings: reading.h.
  int readings = 12;
  std::string keep = "local";  // what of the kept picture later rounds start from: candidate_plan.h
  std::vector<LoraChoice> loras;
  std::string init_image;  // where the first latents came from; empty: from noise
  std::string mask;        // white where they are redrawn; empty: everywhere

  std::string reward_schedule = "paper";  // reward_schedule.h
  double learning_rate = 0.3;             // η of rewards.h; 0 switches learning off
  RewardReferences references;            // of the pack; missing ones are learnt in the session
  bool use_phrase_weights = true;
  PhraseWeightOptions phrase_weights;
  bool metadata = true;  // whether a picture's file says how it was made
};

// Throws Error(usage) naming the first setting out of range, and for a prompt or negative prompt
// that user_text.h refuses or that is empty.
void check(const Settings& settings);

// Keys are the members' names, `lora` as [[file, weight], …].
nlohmann::json to_json(const Settings& settings);
// Sets the members that `object` names. Throws Error(format) for an unknown key or a value of the
// wrong type, with `where` in front.
void override_with(Settings& settings, const nlohmann::json& object, const std::string& where);

}  // namespace omr::session
