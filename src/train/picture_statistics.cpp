#include "train/picture_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace omr::train {
namespace {

PictureStatistics statistics_of(const Image& picture) {
  PictureStatistics out;
  const auto width = static_cast<std::size_t>(picture.width);
  const auto height = static_cast<std::size_t>(picture.height);
  std::vector<double> luma(width * height);
  for (std::size_t i = 0; i < width * height; ++i) {
    const std::uint8_t* rgb = picture.pixels.data() + 3 * i;
    const auto [least, most] = std::minmax({rgb[0], rgb[1], rgb[2]});
    if (most > 0) out.saturation += static_cast<double>(most - least) / most;
    luma[i] = (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255;
  }
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const double here = luma[y * width + x];
      if (x + 1 < width) out.edges += std::abs(luma[y * width + x + 1] - here);
      if (y + 1 < height) out.edges += std::abs(luma[(y + 1) * width + x] - here);
    }
  }
  const auto pixels = static_cast<double>(width * height);
  return {out.saturation / pixels, out.edges / pixels};
}

}  // namespace

PictureStatistics picture_statistics(const std::vector<Image>& pictures) {
  PictureStatistics out;
  for (const Image& picture : pictures) {
    const PictureStatistics own = statistics_of(picture);
    out.saturation += own.saturation / static_cast<double>(pictures.size());
    out.edges += own.edges / static_cast<double>(pictures.size());
  }
  return out;
}

double drift(const PictureStatistics& now, const PictureStatistics& reference) {
  constexpr double kLeast = 1e-4;
  const auto apart = [](double a, double b) {
    return std::abs(std::log((a + kLeast) / (b + kLeast)));
  };
  return apart(now.saturation, reference.saturation) + apart(now.edges, reference.edges);
}

}  // namespace omr::train
