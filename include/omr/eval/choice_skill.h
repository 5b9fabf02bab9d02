// How well a reward model chooses among several drawings of one caption: what a round's pick is
// worth beside a drawing taken by lot and the best that there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "omr/core/cancellation.h"
#include "omr/core/image.h"
#include "omr/eval/part_skills.h"
#include "omr/session/image_model.h"
#include "omr/session/reward_model.h"
#include "omr/session/settings.h"

namespace omr::eval {

struct JudgedDrawing {
  Image image;
  double share_right = 0;  // of what the caption says, by scenes::judge, in [0, 1]
  bool all_right = false;
  std::string read;  // the full caption of what the judge read
};

struct JudgedCaption {
  int number = 0;  // of the caption, from 0
  std::string caption;
  std::vector<JudgedDrawing> drawings;
  std::size_t chosen = 0;  // the reward model's favourite

  // The first drawing of the highest share.
  std::size_t best() const;
};

struct ChoiceSkill {
  Skill chosen;  // captions whose favourite is without a fault
  Skill any;     // drawings without a fault: what a choice by lot has; resampled by caption
  Skill best;    // captions that have a drawing without a fault
};

// `candidates` drawings of each caption of scenes 0 … count-1 of `seed`, as measure_drawing
// asks for them; `watch` sees each caption's as they come. Throws what the models and the judge
// throw.
ChoiceSkill measure_choice(session::ImageModel& model, session::RewardModel& reward_model,
                           const session::Settings& settings, int count, int candidates,
                           std::uint64_t seed, const scenes::CaptionOptions& captions,
                           const std::function<void(const JudgedCaption&)>& watch,
                           const SkillProgress& progress, const Cancellation& cancellation);

}  // namespace omr::eval
