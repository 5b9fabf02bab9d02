// Everything outside that a session works with.
#pragma once

#include <string>

#include "omr/session/artifact_codec.h"
#include "omr/session/clock.h"
#include "omr/session/file_system.h"
#include "omr/session/image_model.h"
#include "omr/session/language_model.h"
#include "omr/session/reward_model.h"

namespace omr::session {

// Borrowed: the caller keeps them alive as long as the session.
struct Parts {
  ImageModel& image_model;
  LanguageModel* language_model;  // null: feedback is joined to the prompt
  RewardModel* reward_model;  // null: no rewards, no phrase weights; the first candidate is picked
  ArtifactCodec& codec;
  FileSystem& files;
  Clock& clock;
  std::string user = {};  // whose words the session hears, for its journal; empty: not told
};

}  // namespace omr::session
