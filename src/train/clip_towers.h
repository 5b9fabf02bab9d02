// The two towers that a run of CLIP training begins with.
#pragma once

#include "omr/reward/clip_model.h"
#include "omr/train/clip_trainer.h"

namespace omr::train {

// The model of the folder, or one drawn from nothing as ClipSettings says. Throws as
// load_clip_model and load_clip_text_model do; Error(mismatch) when the text encoder does not fit.
reward::CLIPModel open_clip(const ClipSettings& settings);

}  // namespace omr::train
