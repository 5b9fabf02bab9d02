// What each model of a pack can do by itself in the scenes world, beside the loop: the drawer with
// a full caption, the refiner with one edit, the reward model with one attribute changed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/core/image.h"
#include "omr/eval/statistics.h"
#include "omr/eval/value_shares.h"
#include "omr/scenes/captions.h"
#include "omr/session/image_model.h"
#include "omr/session/language_model.h"
#include "omr/session/reward_model.h"
#include "omr/session/settings.h"

namespace omr::eval {

// How many of how many were right, with the 95 % bootstrap interval of the share.
struct Skill {
  std::int64_t right = 0;
  std::int64_t of = 0;
  Interval interval;
};

// After each item: done, of all.
using SkillProgress = std::function<void(int done, int of)>;

struct DrawnCaption {
  std::string caption;
  std::string read;  // what the judge read in the picture
  int right = 0;     // attributes
  int total = 0;
  Image image;
};

struct DrawingSkill {
  Skill pictures;    // without any fault
  Skill attributes;  // an object too many counts as one wrong; resampled picture by picture
  ValueShares by_value;
  std::vector<DrawnCaption> drawn;
};

// Captions that leave nothing out.
inline constexpr scenes::CaptionOptions kFullCaptions = {0, 0, 0, 0};

// Pictures for captions of scenes 0 … count-1 of `seed`, each from noise of its own, with the
// steps, guidance, scheduler, size and adapters of `settings`, read by scenes::judge. What a
// caption leaves out may be drawn in any way; an object too many is wrong. Throws what the model
// and the judge throw.
DrawingSkill measure_drawing(session::ImageModel& model, const session::Settings& settings,
                             int count, std::uint64_t seed, const scenes::CaptionOptions& captions,
                             const SkillProgress& progress, const Cancellation& cancellation);

struct MissedEdit {
  std::string prompt;
  std::string feedback;
  std::string wanted;
  std::string answer;
  std::string read;
};

// Letter for letter right: of the model's greedy answers to the whole feedback, and of what a
// session reads from it (session/reading.h).
struct EditSkill {
  Skill answered;
  Skill read;
};

struct RefiningSkill {
  EditSkill single_edits;
  EditSkill double_edits;
  std::vector<MissedEdit> missed;  // by either
};

// The edits of scenes::refiner_record: `count` with one wish and as many with two.
// `readings`: of session::Settings.
RefiningSkill measure_refining(session::LanguageModel& model, int readings, int count,
                               std::uint64_t seed, const SkillProgress& progress,
                               const Cancellation& cancellation);

struct JudgingSkill {
  Skill pairs;          // of pictures that differ in one attribute: the right one is preferred
  Skill miscounts;      // … that differ in an object too many or too few
  ValueShares by_kind;  // of what is wrong in the other one: "shape", "background", "one too many"
};

// A caption's own picture against `count` that differ in one attribute and as many that differ in
// one object, all drawn without a fault at `width` pixels a side.
JudgingSkill measure_judging(session::RewardModel& model, int width, int count, std::uint64_t seed,
                             const SkillProgress& progress, const Cancellation& cancellation);

}  // namespace omr::eval
