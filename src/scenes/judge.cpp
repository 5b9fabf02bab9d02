#include "omr/scenes/judge.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "omr/core/error.h"
#include "omr/scenes/captions.h"

#include "scenes/coverage.h"
#include "scenes/regions.h"

namespace omr::scenes {
namespace {

constexpr int kNarrowestJudged = 16;
constexpr std::size_t kMostFound = 12;
constexpr double kPoorOverlap =
    0.7;                           // below: perhaps two objects in one region; drawn ones reach 0.9
constexpr int kFringe = 2;         // pixels around a region that its edge is mixed into
constexpr double kFaintest = 0.1;  // a smaller share of the object's colour is noise

// How far each pixel of a window has an object's colour: 0 the background's, 1 the object's.
struct Footprint {
  Coverage window;
  double area = 0;
  double x = 0;  // centre of area, in pixels
  double y = 0;
};

// `others`: whether a pixel belongs to another region.
template <class Others>
Footprint footprint_of(const Image& image, const std::vector<std::size_t>& pixels,
                       const FloatRgb& rgb, const FloatRgb& background, Others others) {
  const auto width = static_cast<std::size_t>(image.width);
  int left = image.width, right = 0;
  for (std::size_t pixel : pixels) {
    left = std::min(left, static_cast<int>(pixel % width));
    right = std::max(right, static_cast<int>(pixel % width));
  }
  Footprint print;
  Coverage& window = print.window;
  window.left = std::max(left - kFringe, 0);
  window.width = std::min(right + kFringe + 1, image.width) - window.left;
  window.top = std::max(static_cast<int>(pixels.front() / width) - kFringe, 0);
  window.height =
      std::min(static_cast<int>(pixels.back() / width) + kFringe + 1, image.height) - window.top;
  window.shares.resize(static_cast<std::size_t>(window.width) *
                       static_cast<std::size_t>(window.height));

  const FloatRgb along{rgb.red - background.red, rgb.green - background.green,
                       rgb.blue - background.blue};
  const double length = along.red * along.red + along.green * along.green + along.blue * along.blue;
  for (std::size_t pixel : pixels) {
    const int x = static_cast<int>(pixel % width), y = static_cast<int>(pixel / width);
    for (int near_y = std::max(y - kFringe, 0); near_y <= std::min(y + kFringe, image.height - 1);
         ++near_y) {
      for (int near_x = std::max(x - kFringe, 0); near_x <= std::min(x + kFringe, image.width - 1);
           ++near_x) {
        const std::size_t at =
            static_cast<std::size_t>(near_y) * width + static_cast<std::size_t>(near_x);
        float& share = window.shares[static_cast<std::size_t>(near_y - window.top) *
                                         static_cast<std::size_t>(window.width) +
                                     static_cast<std::size_t>(near_x - window.left)];
        if (share != 0.0f || others(at)) continue;
        const FloatRgb seen = pixel_of(image, at);
        const double dot = (seen.red - background.red) * along.red +
                           (seen.green - background.green) * along.green +
                           (seen.blue - background.blue) * along.blue;
        const double mixed = std::clamp(dot / length, 0.0, 1.0);
        if (mixed >= kFaintest) share = static_cast<float>(mixed);
      }
    }
  }
  for (int y = 0; y < window.height; ++y) {
    for (int x = 0; x < window.width; ++x) {
      const double share = window.at(window.left + x, window.top + y);
      print.area += share;
      print.x += share * (window.left + x + 0.5);
      print.y += share * (window.top + y + 0.5);
    }
  }
  print.x /= print.area;
  print.y /= print.area;
  return print;
}

double intersection_over_union(const Coverage& a, const Coverage& b) {
  double common = 0, sum_a = 0, sum_b = 0;
  for (float share : a.shares) sum_a += share;
  for (float share : b.shares) sum_b += share;
  const int left = std::max(a.left, b.left), right = std::min(a.left + a.width, b.left + b.width);
  const int top = std::max(a.top, b.top), bottom = std::min(a.top + a.height, b.top + b.height);
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) common += std::min(a.at(x, y), b.at(x, y));
  }
  return common / (sum_a + sum_b - common);
}

template <class Values, class Distance>
auto nearest(const Values& values, Distance distance) {
  return *std::min_element(values.begin(), values.end(),
                           [&](auto a, auto b) { return distance(a) < distance(b); });
}

SeenObject fit(const Image& image, const Footprint& print) {
  SeenObject seen;
  for (Shape shape : kShapes) {
    const double half = std::sqrt(print.area / area_of(shape));
    const double x = print.x - half * centroid_of(shape).x;
    const double y = print.y - half * centroid_of(shape).y;
    const double overlap = intersection_over_union(
        print.window, coverage_of(shape, x, y, half, image.width, image.height));
    if (overlap <= seen.overlap) continue;
    seen.overlap = overlap;
    seen.object.shape = shape;
    seen.side = 2 * half / image.width;
    seen.object.center = {x / image.width, y / image.height};
  }
  seen.object.size =
      nearest(kSizes, [&](Size size) { return std::fabs(side_of(size) - seen.side); });
  seen.object.place = nearest(kPlaces, [&](Place place) {
    const Position at = position_of(place);
    return std::hypot(at.x - seen.object.center.x, at.y - seen.object.center.y);
  });
  return seen;
}

// One object, or those that a poor fit falls apart into, when they fit better.
std::vector<SeenObject> objects_of(const Image& image, const Regions& found, std::size_t index) {
  const Region& region = found.regions[index];
  const auto whole = [&](std::size_t pixel) {
    return found.region_of[pixel] >= 0 && found.region_of[pixel] != static_cast<int>(index);
  };
  std::vector<SeenObject> seen = {
      fit(image, footprint_of(image, region.pixels, region.rgb, found.background, whole))};
  if (seen.front().overlap < kPoorOverlap) {
    std::vector<SeenObject> apart;
    double worst = 1;
    for (const std::vector<std::size_t>& part : parts_of(region, image.width)) {
      const auto outside = [&](std::size_t pixel) {
        return found.region_of[pixel] >= 0 && !std::binary_search(part.begin(), part.end(), pixel);
      };
      apart.push_back(fit(image, footprint_of(image, part, region.rgb, found.background, outside)));
      worst = std::min(worst, apart.back().overlap);
    }
    if (apart.size() > 1 && worst > seen.front().overlap) seen = std::move(apart);
  }
  for (SeenObject& each : seen) {
    each.object.colour = region.colour;
    each.colour_distance = distance(region.rgb, float_rgb(rgb_of(region.colour)));
  }
  return seen;
}

}  // namespace

Scene Verdict::scene() const {
  Scene scene;
  scene.background = background;
  for (const SeenObject& seen : objects) scene.objects.push_back(seen.object);
  return scene;
}

Verdict judge(const Image& image) {
  const std::size_t bytes =
      3 * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (image.width < kNarrowestJudged || image.height < kNarrowestJudged ||
      image.pixels.size() != bytes) {
    throw Error(ErrorKind::usage,
                "a picture of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                    " pixels in " + std::to_string(image.pixels.size()) +
                    " bytes cannot be judged; it takes " + std::to_string(kNarrowestJudged) +
                    " pixels a side and three bytes a pixel");
  }
  const Regions found = find_regions(image);
  Verdict verdict;
  const auto from_background = [&](Background each) {
    return distance(found.background, float_rgb(rgb_of(each)));
  };
  verdict.background = nearest(kBackgrounds, from_background);
  verdict.background_distance = from_background(verdict.background);
  for (std::size_t i = 0; i < found.regions.size(); ++i) {
    for (SeenObject& seen : objects_of(image, found, i)) verdict.objects.push_back(seen);
  }
  std::stable_sort(verdict.objects.begin(), verdict.objects.end(),
                   [](const SeenObject& a, const SeenObject& b) { return a.side > b.side; });
  if (verdict.objects.size() > kMostFound) verdict.objects.resize(kMostFound);
  std::stable_sort(
      verdict.objects.begin(), verdict.objects.end(),
      [](const SeenObject& a, const SeenObject& b) { return a.object.place < b.object.place; });
  return verdict;
}

std::string in_words(const Verdict& verdict) {
  const Description said = describe(verdict.scene());
  std::string text;
  for (std::size_t i = 0; i < said.objects.size(); ++i) {
    if (i > 0) text += i + 1 == said.objects.size() ? " and " : ", ";
    text += caption(said.objects[i]);
    if (verdict.objects[i].overlap < kPoorOverlap) text += " (?)";
  }
  const std::string background = caption(Description{{}, verdict.background});
  return text.empty() ? background : text + " on " + background;
}

}  // namespace omr::scenes
