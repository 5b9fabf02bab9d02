#include "omr/replay/picture_difference.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "omr/core/error.h"

namespace omr::replay {
namespace {

constexpr int kWindow = 7;

std::string size_text(const Image& image) {
  return std::to_string(image.width) + "x" + std::to_string(image.height);
}

void require_equal_size(const Image& a, const Image& b) {
  if (a.width == b.width && a.height == b.height && a.pixels.size() == b.pixels.size()) return;
  throw Error(ErrorKind::mismatch,
              "pictures of " + size_text(a) + " and " + size_text(b) + " pixels");
}

// Sums over all rectangles from the top left corner: a window's sum is four look-ups.
class SummedArea {
 public:
  template <typename Value>
  SummedArea(int width, int height, Value&& value)
      : stride_(static_cast<std::size_t>(width) + 1),
        sums_(stride_ * (static_cast<std::size_t>(height) + 1)) {
    for (int y = 0; y < height; ++y) {
      std::int64_t row = 0;
      for (int x = 0; x < width; ++x) {
        row += value(x, y);
        at(x + 1, y + 1) = at(x + 1, y) + row;
      }
    }
  }
  double window(int x, int y, int width, int height) const {
    return static_cast<double>(at(x + width, y + height) - at(x, y + height) - at(x + width, y) +
                               at(x, y));
  }

 private:
  std::int64_t& at(int x, int y) {
    return sums_[static_cast<std::size_t>(y) * stride_ + static_cast<std::size_t>(x)];
  }
  std::int64_t at(int x, int y) const {
    return sums_[static_cast<std::size_t>(y) * stride_ + static_cast<std::size_t>(x)];
  }

  std::size_t stride_;
  std::vector<std::int64_t> sums_;
};

double channel_ssim(const Image& a, const Image& b, int channel) {
  const auto of = [channel](const Image& image) {
    return [&image, channel](int x, int y) -> std::int64_t {
      return image.pixels[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                           static_cast<std::size_t>(x)) *
                              3 +
                          static_cast<std::size_t>(channel)];
    };
  };
  const auto pa = of(a), pb = of(b);
  const SummedArea sa(a.width, a.height, pa), sb(a.width, a.height, pb);
  const SummedArea saa(a.width, a.height, [&](int x, int y) { return pa(x, y) * pa(x, y); });
  const SummedArea sbb(a.width, a.height, [&](int x, int y) { return pb(x, y) * pb(x, y); });
  const SummedArea sab(a.width, a.height, [&](int x, int y) { return pa(x, y) * pb(x, y); });

  constexpr double kC1 = 0.01 * 255 * 0.01 * 255, kC2 = 0.03 * 255 * 0.03 * 255;
  const int w = std::min(kWindow, a.width), h = std::min(kWindow, a.height);
  const double n = static_cast<double>(w) * h;
  const double sample = n > 1 ? n / (n - 1) : 1;
  double sum = 0;
  for (int y = 0; y + h <= a.height; ++y) {
    for (int x = 0; x + w <= a.width; ++x) {
      const double ma = sa.window(x, y, w, h) / n, mb = sb.window(x, y, w, h) / n;
      const double va = sample * (saa.window(x, y, w, h) / n - ma * ma);
      const double vb = sample * (sbb.window(x, y, w, h) / n - mb * mb);
      const double vab = sample * (sab.window(x, y, w, h) / n - ma * mb);
      sum += (2 * ma * mb + kC1) * (2 * vab + kC2) / ((ma * ma + mb * mb + kC1) * (va + vb + kC2));
    }
  }
  return sum / (static_cast<double>(a.width - w + 1) * (a.height - h + 1));
}

}  // namespace

PictureDifference compare_pictures(const Image& a, const Image& b) {
  require_equal_size(a, b);
  PictureDifference out;
  if (a.pixels.empty()) return out;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const int difference = std::abs(int{a.pixels[i]} - int{b.pixels[i]});
    out.max = std::max(out.max, difference);
    sum += difference;
  }
  out.mean = static_cast<double>(sum) / static_cast<double>(a.pixels.size());
  if (out.max > 0) {
    out.ssim = (channel_ssim(a, b, 0) + channel_ssim(a, b, 1) + channel_ssim(a, b, 2)) / 3;
  }
  return out;
}

Image amplified_difference(const Image& a, const Image& b) {
  require_equal_size(a, b);
  Image out{a.width, a.height, std::vector<std::uint8_t>(a.pixels.size())};
  int largest = 1;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    const int difference = std::abs(int{a.pixels[i]} - int{b.pixels[i]});
    largest = std::max(largest, difference);
    out.pixels[i] = static_cast<std::uint8_t>(difference);
  }
  for (std::uint8_t& value : out.pixels) value = static_cast<std::uint8_t>(value * 255 / largest);
  return out;
}

}  // namespace omr::replay
