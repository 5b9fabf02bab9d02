// What the measurements of single parts share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omr/eval/part_skills.h"

namespace omr::eval {

// Of items that count 1 where they are right.
Skill skill_of(const std::vector<double>& right, std::uint64_t seed);

// A picture of the caption from the noise of `seed`, otherwise as the settings say.
session::ImageRequest request_for(const std::string& caption, const session::Settings& settings,
                                  std::uint64_t seed);

// How near each picture is to the caption, by the model's own score or its embeddings' cosine.
std::vector<double> scores(session::RewardModel& model, const std::string& caption,
                           const std::vector<Image>& images);

}  // namespace omr::eval
