// Pictures as a trainer's batch of pixels.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/core/image.h"

namespace omr::train {

// The middle of the picture at width x height: resized (bicubic, antialiased) so that it covers the
// size, then cropped about the centre.
Image fit_image(const Image& image, int width, int height);

// [B, 3, H, W] fp32 in [-1, 1]; pictures of one size.
at::Tensor to_batch(const std::vector<Image>& images);

// Weights for a reconstruction loss: `weight` where a pixel differs from the picture's background,
// 1 elsewhere, [B, 1, H, W]. The background is the median colour of the picture's border; differing
// means by more than 45/255 in RGB. Small things on a plain ground count otherwise for next to
// nothing.
at::Tensor object_weights(const at::Tensor& pixels, double weight);

// The same on the grid of latents, `downscale` pixels a cell: the share of a cell's pixels that
// differ from the background, the largest of a cell and its neighbours, since an autoencoder's
// cells see beyond their own pixels; [B, 1, H/downscale, W/downscale] in [0, 1].
at::Tensor object_share(const at::Tensor& pixels, std::int64_t downscale);

}  // namespace omr::train
