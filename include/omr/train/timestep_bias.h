// Which timesteps a denoiser is trained on: all alike, or the noisiest more often. Where a
// picture's layout is decided, text is all there is to read; at the other timesteps the layout
// shows through the noise. The idea and the names are those of diffusers'
// examples/text_to_image/train_text_to_image_sdxl.py, strategy "later".
#pragma once

#include <cstdint>

#include <ATen/core/Generator.h>

namespace omr::train {

struct TimestepBias {
  double multiplier = 1.0;  // how much oftener the noisiest are drawn; above 0
  double portion = 0.25;    // which share of the timesteps that is; 0 to 1

  // The first timestep of the noisiest.
  std::int64_t first_biased(std::int64_t timesteps) const;
  // One timestep of [0, timesteps).
  std::int64_t draw(std::int64_t timesteps, at::Generator& generator) const;
};

}  // namespace omr::train
