#include "scenes/regions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace omr::scenes {
namespace {

constexpr double kStandsOut = 45;       // from the background, in RGB; the palettes keep 60 apart
constexpr double kSecondColour = 0.12;  // share of a component that makes a region of its own
constexpr double kAlike = 55;           // the shades of a muddy object; the palette keeps 76 apart
constexpr int kRimDepth = 3;            // pixels from the background that a blurred edge reaches
constexpr double kSmallestPart = 0.15;  // share of a region that a part of it has after thinning

double squared_distance(const FloatRgb& a, const FloatRgb& b) {
  const double red = a.red - b.red, green = a.green - b.green, blue = a.blue - b.blue;
  return red * red + green * green + blue * blue;
}

Colour nearest_colour(const FloatRgb& rgb) {
  static const std::array<FloatRgb, kColours.size()> palette = [] {
    std::array<FloatRgb, kColours.size()> colours;
    std::transform(kColours.begin(), kColours.end(), colours.begin(),
                   [](Colour colour) { return float_rgb(rgb_of(colour)); });
    return colours;
  }();
  std::size_t best = 0;
  double least = squared_distance(rgb, palette[0]);
  for (std::size_t i = 1; i < palette.size(); ++i) {
    const double next = squared_distance(rgb, palette[i]);
    if (next < least) best = i, least = next;
  }
  return kColours[best];
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

FloatRgb median_of(const Image& image, const std::vector<std::size_t>& pixels) {
  std::array<std::vector<double>, 3> channels;
  for (std::size_t pixel : pixels) {
    for (std::size_t c = 0; c < 3; ++c) channels[c].push_back(image.pixels[3 * pixel + c]);
  }
  return {median(channels[0]), median(channels[1]), median(channels[2])};
}

std::vector<std::size_t> border_of(int width, int height) {
  std::vector<std::size_t> pixels;
  for (int y = 0; y < height; ++y) {
    const bool whole_row = y == 0 || y == height - 1;
    for (int x = 0; x < width; x += whole_row ? 1 : std::max(width - 1, 1)) {
      pixels.push_back(static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                       static_cast<std::size_t>(x));
    }
  }
  return pixels;
}

// Calls visit(neighbour) for the 4 or 8 pixels around one.
template <class Visit>
void for_neighbours(std::size_t pixel, int width, int height, bool diagonal, Visit visit) {
  const int x = static_cast<int>(pixel % static_cast<std::size_t>(width));
  const int y = static_cast<int>(pixel / static_cast<std::size_t>(width));
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      if ((dx == 0 && dy == 0) || (!diagonal && dx != 0 && dy != 0)) continue;
      if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) continue;
      visit(static_cast<std::size_t>(y + dy) * static_cast<std::size_t>(width) +
            static_cast<std::size_t>(x + dx));
    }
  }
}

// The pixels of each connected set of equal labels >= 0, ascending within a set.
std::vector<std::vector<std::size_t>> connected(const std::vector<int>& labels, int width,
                                                bool diagonal) {
  const int height = static_cast<int>(labels.size()) / width;
  std::vector<std::vector<std::size_t>> sets;
  std::vector<bool> seen(labels.size());
  for (std::size_t start = 0; start < labels.size(); ++start) {
    if (labels[start] < 0 || seen[start]) continue;
    std::vector<std::size_t> set = {start};
    seen[start] = true;
    for (std::size_t i = 0; i < set.size(); ++i) {
      for_neighbours(set[i], width, height, diagonal, [&](std::size_t next) {
        if (seen[next] || labels[next] != labels[start]) return;
        seen[next] = true;
        set.push_back(next);
      });
    }
    std::sort(set.begin(), set.end());
    sets.push_back(std::move(set));
  }
  return sets;
}

// The labels of those pixels whose four neighbours bear the same one; -1 for the others.
std::vector<int> thinned(const std::vector<int>& labels, int width) {
  const int height = static_cast<int>(labels.size()) / width;
  std::vector<int> out(labels.size(), -1);
  for (std::size_t pixel = 0; pixel < labels.size(); ++pixel) {
    if (labels[pixel] < 0) continue;
    bool inside = true;
    for_neighbours(pixel, width, height, false,
                   [&](std::size_t next) { inside = inside && labels[next] == labels[pixel]; });
    if (inside) out[pixel] = labels[pixel];
  }
  return out;
}

// Gives every pixel of `set` the label of the labelled one nearest to it; `labels` holds -1 for
// pixels of the set without one, anything for pixels outside.
void spread(const std::vector<std::size_t>& set, std::vector<int>& labels, int width) {
  const int height = static_cast<int>(labels.size()) / width;
  std::vector<bool> within(labels.size());
  std::vector<std::size_t> front;
  for (std::size_t pixel : set) {
    within[pixel] = true;
    if (labels[pixel] >= 0) front.push_back(pixel);
  }
  for (std::size_t i = 0; i < front.size(); ++i) {
    for_neighbours(front[i], width, height, true, [&](std::size_t next) {
      if (!within[next] || labels[next] >= 0) return;
      labels[next] = labels[front[i]];
      front.push_back(next);
    });
  }
}

// A thin component has no inside: its pixels farthest from the background stand for it.
std::vector<std::size_t> clearest(const Image& image, const std::vector<std::size_t>& component,
                                  const FloatRgb& background) {
  std::vector<std::size_t> pixels = component;
  const auto half = pixels.begin() + static_cast<std::ptrdiff_t>((pixels.size() + 1) / 2);
  std::sort(pixels.begin(), pixels.end(), [&](std::size_t a, std::size_t b) {
    return squared_distance(pixel_of(image, a), background) >
           squared_distance(pixel_of(image, b), background);
  });
  pixels.erase(half, pixels.end());
  return pixels;
}

// For every pixel that stands out, how many steps away the background is; 0 for the background.
std::vector<int> depths_of(const std::vector<int>& stands_out, int width) {
  const int height = static_cast<int>(stands_out.size()) / width;
  std::vector<int> depths(stands_out.size(), -1);
  std::vector<std::size_t> front;
  for (std::size_t pixel = 0; pixel < stands_out.size(); ++pixel) {
    if (stands_out[pixel] >= 0) continue;
    depths[pixel] = 0;
    front.push_back(pixel);
  }
  for (std::size_t i = 0; i < front.size(); ++i) {
    for_neighbours(front[i], width, height, false, [&](std::size_t next) {
      if (depths[next] >= 0) return;
      depths[next] = depths[front[i]] + 1;
      front.push_back(next);
    });
  }
  return depths;
}

// Whether `rgb` may be a mixture of the two others, as at a blurred edge: orange on navy has a rim
// of brown.
bool is_mixture(const FloatRgb& rgb, const FloatRgb& background, const FloatRgb& object) {
  const FloatRgb along{object.red - background.red, object.green - background.green,
                       object.blue - background.blue};
  const double dot = (rgb.red - background.red) * along.red +
                     (rgb.green - background.green) * along.green +
                     (rgb.blue - background.blue) * along.blue;
  const double share = dot / std::max(squared_distance(object, background), 1.0);
  if (share < 0 || share > 1) return false;
  const FloatRgb mixed{background.red + share * along.red, background.green + share * along.green,
                       background.blue + share * along.blue};
  return distance(rgb, mixed) < kStandsOut;
}

// One region for every colour that holds a good share of the component's inside.
std::vector<Region> regions_of(const Image& image, const std::vector<std::size_t>& component,
                               const std::vector<int>& inside, const std::vector<int>& depths,
                               const FloatRgb& background) {
  std::array<std::vector<std::size_t>, kColours.size()> by_colour;
  for (std::size_t pixel : component) {
    if (inside[pixel] >= 0) by_colour[static_cast<std::size_t>(inside[pixel])].push_back(pixel);
  }
  const std::size_t least = std::max<std::size_t>(
      3, static_cast<std::size_t>(kSecondColour * static_cast<double>(component.size())));
  struct Core {
    std::vector<std::size_t> pixels;
    FloatRgb rgb;
    int depth = 0;
  };
  std::vector<Core> cores;
  for (std::vector<std::size_t>& pixels : by_colour) {
    if (pixels.size() < least) continue;
    Core& core = cores.emplace_back(Core{std::move(pixels), {}, 0});
    core.rgb = median_of(image, core.pixels);
    for (std::size_t pixel : core.pixels) core.depth = std::max(core.depth, depths[pixel]);
  }
  std::vector<int> labels(inside.size(), -1);
  std::vector<Region> regions;
  for (const Core& core : cores) {
    const bool is_part = std::any_of(cores.begin(), cores.end(), [&](const Core& other) {
      return other.pixels.size() > core.pixels.size() &&
             (distance(core.rgb, other.rgb) < kAlike ||
              (core.depth <= kRimDepth && is_mixture(core.rgb, background, other.rgb)));
    });
    if (is_part) continue;
    for (std::size_t pixel : core.pixels) labels[pixel] = static_cast<int>(regions.size());
    regions.emplace_back().rgb = core.rgb;
  }
  if (regions.empty()) {
    const std::vector<std::size_t> core = clearest(image, component, background);
    for (std::size_t pixel : core) labels[pixel] = 0;
    regions.emplace_back().rgb = median_of(image, core);
  }
  spread(component, labels, image.width);
  for (std::size_t pixel : component) {
    if (labels[pixel] >= 0)
      regions[static_cast<std::size_t>(labels[pixel])].pixels.push_back(pixel);
  }
  for (Region& region : regions) region.colour = nearest_colour(region.rgb);
  return regions;
}

}  // namespace

double distance(const FloatRgb& a, const FloatRgb& b) { return std::sqrt(squared_distance(a, b)); }

FloatRgb pixel_of(const Image& image, std::size_t index) {
  const std::uint8_t* at = image.pixels.data() + 3 * index;
  return {static_cast<double>(at[0]), static_cast<double>(at[1]), static_cast<double>(at[2])};
}

FloatRgb float_rgb(Rgb rgb) {
  return {static_cast<double>(rgb.red), static_cast<double>(rgb.green),
          static_cast<double>(rgb.blue)};
}

Regions find_regions(const Image& image) {
  Regions out;
  const std::size_t count = image.pixels.size() / 3;
  out.background = median_of(image, border_of(image.width, image.height));
  std::vector<int> stands_out(count, -1), colours(count, -1);
  for (std::size_t pixel = 0; pixel < count; ++pixel) {
    const FloatRgb rgb = pixel_of(image, pixel);
    if (squared_distance(rgb, out.background) <= kStandsOut * kStandsOut) continue;
    stands_out[pixel] = 0;
    colours[pixel] = static_cast<int>(nearest_colour(rgb));
  }
  const std::vector<int> inside = thinned(colours, image.width);
  const std::vector<int> depths = depths_of(stands_out, image.width);
  const double smallest = kSmallestRegion * static_cast<double>(count);
  out.region_of.assign(count, -1);
  for (const auto& component : connected(stands_out, image.width, true)) {
    if (static_cast<double>(component.size()) < smallest) continue;
    for (Region& region : regions_of(image, component, inside, depths, out.background)) {
      if (static_cast<double>(region.pixels.size()) < smallest) continue;
      for (std::size_t pixel : region.pixels) {
        out.region_of[pixel] = static_cast<int>(out.regions.size());
      }
      out.regions.push_back(std::move(region));
    }
  }
  return out;
}

std::vector<std::vector<std::size_t>> parts_of(const Region& region, int picture_width) {
  const std::size_t rows = region.pixels.back() / static_cast<std::size_t>(picture_width) + 2;
  std::vector<int> labels(rows * static_cast<std::size_t>(picture_width), -1);
  for (std::size_t pixel : region.pixels) labels[pixel] = 0;
  for (std::vector<int> thin = thinned(labels, picture_width);;
       thin = thinned(thin, picture_width)) {
    auto cores = connected(thin, picture_width, false);
    if (cores.empty()) return {};
    std::size_t total = 0;
    for (const auto& core : cores) total += core.size();
    std::erase_if(cores, [&](const auto& core) {
      return static_cast<double>(core.size()) < kSmallestPart * static_cast<double>(total);
    });
    if (cores.size() < 2) continue;
    std::fill(labels.begin(), labels.end(), -1);
    for (std::size_t i = 0; i < cores.size(); ++i) {
      for (std::size_t pixel : cores[i]) labels[pixel] = static_cast<int>(i);
    }
    spread(region.pixels, labels, picture_width);
    std::vector<std::vector<std::size_t>> parts(cores.size());
    for (std::size_t pixel : region.pixels) {
      if (labels[pixel] >= 0) parts[static_cast<std::size_t>(labels[pixel])].push_back(pixel);
    }
    return parts;
  }
}

}  // namespace omr::scenes
