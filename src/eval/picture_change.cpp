#include "omr/eval/picture_change.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace omr::eval {
namespace {

using scenes::Match;

constexpr double kMargin = 1.15;  // of the box: blurred edges belong to the object

bool all_right(const scenes::ObjectComparison& object) {
  return object.seen && object.shape != Match::wrong && object.colour != Match::wrong &&
         object.size != Match::wrong && object.place != Match::wrong;
}

void cover(std::vector<bool>& covered, int width, int height, const scenes::SeenObject& seen) {
  const double reach = seen.side / 2 * kMargin;
  const auto pixel = [](double share, int size) {
    return std::clamp(static_cast<int>(std::lround(share * size)), 0, size);
  };
  for (int y = pixel(seen.object.center.y - reach, height);
       y < pixel(seen.object.center.y + reach, height); ++y) {
    for (int x = pixel(seen.object.center.x - reach, width);
         x < pixel(seen.object.center.x + reach, width); ++x) {
      covered[static_cast<std::size_t>(y) * width + x] = true;
    }
  }
}

// The target's objects that were right before stay uncovered; all else that was or is seen goes.
void cover_the_changed(std::vector<bool>& covered, const SeenPicture& picture,
                       const std::vector<bool>& right) {
  std::vector<bool> keep(picture.verdict.objects.size(), false);
  for (std::size_t i = 0; i < right.size() && i < picture.comparison.objects.size(); ++i) {
    const auto& seen = picture.comparison.objects[i].seen;
    if (right[i] && seen) keep[*seen] = true;
  }
  for (std::size_t k = 0; k < keep.size(); ++k) {
    if (!keep[k])
      cover(covered, picture.image.width, picture.image.height, picture.verdict.objects[k]);
  }
}

// Pixels, row by row, where something was to change; nullopt where nothing is left beside them.
std::optional<std::vector<bool>> changed_pixels(const SeenPicture& before, const SeenPicture& now) {
  const Image& a = before.image;
  if (a.width != now.image.width || a.height != now.image.height) return std::nullopt;
  if (before.comparison.background == Match::wrong) return std::nullopt;
  std::vector<bool> right;
  for (const auto& object : before.comparison.objects) right.push_back(all_right(object));
  std::vector<bool> covered(static_cast<std::size_t>(a.width) * a.height, false);
  cover_the_changed(covered, before, right);
  cover_the_changed(covered, now, right);
  if (std::find(covered.begin(), covered.end(), false) == covered.end()) return std::nullopt;
  return covered;
}

Image blackened(Image image, const std::vector<bool>& covered) {
  for (std::size_t i = 0; i < covered.size(); ++i) {
    if (covered[i]) std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, 0);
  }
  return image;
}

}  // namespace

std::optional<double> change_elsewhere(const SeenPicture& before, const SeenPicture& now) {
  const std::optional<std::vector<bool>> covered = changed_pixels(before, now);
  if (!covered) return std::nullopt;
  double sum = 0;
  std::size_t values = 0;
  for (std::size_t i = 0; i < covered->size(); ++i) {
    if ((*covered)[i]) continue;
    for (std::size_t c = 3 * i; c < 3 * i + 3; ++c) {
      const double difference = (before.image.pixels[c] - now.image.pixels[c]) / 255.0;
      sum += difference * difference;
      ++values;
    }
  }
  return std::sqrt(sum / static_cast<double>(values));
}

std::optional<double> perceptual_change_elsewhere(const SeenPicture& before, const SeenPicture& now,
                                                  const PictureDistance& distance) {
  const std::optional<std::vector<bool>> covered = changed_pixels(before, now);
  if (!covered) return std::nullopt;
  return distance(blackened(before.image, *covered), blackened(now.image, *covered));
}

}  // namespace omr::eval
