// What a reward model's folder holds, told from its configs and headers without reading weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "omr/io/weights.h"

namespace omr::reward {

struct RewardReport {
  std::string family;   // "CLIPModel, …", "OpenCLIP, …", "ImageReward (BLIP), …", with sizes
  std::string adapter;  // "24 layers of rank 8"; empty without one
  std::vector<std::string> problems;  // why it cannot be used; empty: it can, as far as this tells
  io::Weights weights;                // empty where they cannot be opened
};

// Whether `folder` looks like a reward model's, of any of the families.
bool is_reward_folder(const std::filesystem::path& folder);

RewardReport report_reward(const std::filesystem::path& folder);

}  // namespace omr::reward
