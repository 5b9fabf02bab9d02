// A picture in the image model's latent space, as plain memory: what a session keeps between
// rounds, so that nothing is ever encoded again from pixels.
#pragma once

#include <cstdint>
#include <vector>

namespace omr {

// Scaled latents [C, H, W] or [1, C, H, W] in fp32, row-major: values.size() is the product of
// shape.
struct Latents {
  std::vector<std::int64_t> shape;
  std::vector<float> values;

  bool operator==(const Latents&) const = default;
};

}  // namespace omr
