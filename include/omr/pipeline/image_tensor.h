// Between finished pictures and the tensors that models see (diffusers image_processor.py,
// VaeImageProcessor).
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/image.h"

namespace omr::pipeline {

// [1, 3, H, W] fp32 in [-1, 1].
at::Tensor to_pixels(const Image& image);

// [1, 1, H, W] fp32: 1 where the picture is at least half as bright as white, 0 elsewhere.
at::Tensor to_mask(const Image& image);

// pixels [B, 3, H, W], about [-1, 1] -> B pictures, clamped, rounded half to even.
std::vector<Image> to_images(const at::Tensor& pixels);

}  // namespace omr::pipeline
