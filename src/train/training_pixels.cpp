#include "omr/train/training_pixels.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/core/resample.h"

namespace omr::train {

Image fit_image(const Image& image, int width, int height) {
  if (image.width == width && image.height == height) return image;
  const double scale = std::max(static_cast<double>(width) / image.width,
                                static_cast<double>(height) / image.height);
  const int covering_width = std::max(width, static_cast<int>(std::lround(image.width * scale)));
  const int covering_height = std::max(height, static_cast<int>(std::lround(image.height * scale)));
  return resize(image, covering_width, covering_height, Resample::bicubic,
                {(covering_width - width) / 2, (covering_height - height) / 2, width, height});
}

at::Tensor to_batch(const std::vector<Image>& images) {
  const auto count = static_cast<std::int64_t>(images.size());
  const at::Tensor bytes = at::empty({count, images[0].height, images[0].width, 3}, at::kByte);
  std::uint8_t* at = bytes.data_ptr<std::uint8_t>();
  for (const Image& image : images) at = std::copy(image.pixels.begin(), image.pixels.end(), at);
  // Stays channels-last in memory: convolutions prefer it.
  return bytes.permute({0, 3, 1, 2}).to(at::kFloat).div_(127.5).sub_(1.0);
}

at::Tensor object_weights(const at::Tensor& pixels, double weight) {
  constexpr double kDifferent = 45.0 / 127.5;  // 45 of 255, in [-1, 1]
  const at::NoGradGuard no_grad;
  const std::int64_t height = pixels.size(2), width = pixels.size(3);
  const at::Tensor border = at::cat({pixels.select(2, 0), pixels.select(2, height - 1),
                                     pixels.select(3, 0), pixels.select(3, width - 1)},
                                    2);
  const at::Tensor background = std::get<0>(border.median(2)).unsqueeze(-1).unsqueeze(-1);
  const at::Tensor distance = (pixels - background).square().sum(1, /*keepdim=*/true);
  return at::where(distance > kDifferent * kDifferent, weight, 1.0).to(at::kFloat);
}

at::Tensor object_share(const at::Tensor& pixels, std::int64_t downscale) {
  const at::Tensor share = at::avg_pool2d(object_weights(pixels, 2.0) - 1, {downscale, downscale});
  return at::max_pool2d(share, {3, 3}, {1, 1}, {1, 1});
}

}  // namespace omr::train
