// One folder that tests/peers/make_reward.py wrote.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "omr/core/image.h"
#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

namespace omr::reward {

struct PeerCase {
  explicit PeerCase(const std::string& name)
      : folder(std::filesystem::path(OMR_PEERS) / "reward" / name),
        config(folder / "case.json"),
        expected(io::SafetensorsFile::open(folder / "expected.safetensors")) {}

  // uint8 [H, W, 3]
  Image picture(const std::string& name) const {
    const at::Tensor pixels = expected->tensor(name).contiguous();
    Image image{static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)), {}};
    const auto* first = pixels.const_data_ptr<std::uint8_t>();
    image.pixels.assign(first, first + pixels.numel());
    return image;
  }

  std::vector<Image> pictures() const {
    std::vector<Image> all;
    for (std::int64_t i = 0; i < config.integer("pictures"); ++i) {
      all.push_back(picture("picture" + std::to_string(i)));
    }
    return all;
  }

  std::filesystem::path folder;
  io::Config config;
  std::shared_ptr<const io::SafetensorsFile> expected;
};

}  // namespace omr::reward
