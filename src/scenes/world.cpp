#include "omr/scenes/world.h"

#include <cstddef>

namespace omr::scenes {
namespace {

constexpr std::array<std::string_view, kShapes.size()> kShapeWords = {
    "circle", "square", "triangle", "star", "heart", "house", "tree", "moon"};

struct Paint {
  std::string_view word;
  Rgb rgb;
};
constexpr std::array<Paint, kColours.size()> kColourPaints = {{{"red", {214, 39, 40}},
                                                               {"orange", {255, 140, 26}},
                                                               {"yellow", {250, 215, 40}},
                                                               {"green", {44, 160, 44}},
                                                               {"blue", {31, 99, 214}},
                                                               {"purple", {138, 60, 180}},
                                                               {"pink", {245, 130, 190}},
                                                               {"brown", {130, 80, 45}}}};
constexpr std::array<Paint, kBackgrounds.size()> kBackgroundPaints = {{{"white", {245, 245, 245}},
                                                                       {"black", {25, 25, 25}},
                                                                       {"gray", {150, 150, 150}},
                                                                       {"cyan", {160, 225, 235}},
                                                                       {"beige", {235, 215, 180}},
                                                                       {"navy", {25, 35, 90}}}};

struct Extent {
  std::string_view word;
  double side;
};
constexpr std::array<Extent, kSizes.size()> kExtents = {
    {{"small", 0.20}, {"medium", 0.30}, {"large", 0.42}}};

struct PlaceWords {
  std::string_view word;
  std::string_view phrase;
};
constexpr std::array<PlaceWords, kPlaces.size()> kPlaceWords = {
    {{"top left", "at the top left"},
     {"top", "at the top"},
     {"top right", "at the top right"},
     {"left", "on the left"},
     {"center", "in the center"},
     {"right", "on the right"},
     {"bottom left", "at the bottom left"},
     {"bottom", "at the bottom"},
     {"bottom right", "at the bottom right"}}};
constexpr std::array kRowsAndColumns = {0.22, 0.5, 0.78};

template <class Value, std::size_t n>
std::optional<Value> find_word(const std::array<Value, n>& values, std::string_view word) {
  for (Value value : values) {
    if (word_of(value) == word) return value;
  }
  return std::nullopt;
}

template <class Value>
std::size_t index(Value value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

Rgb rgb_of(Colour colour) { return kColourPaints[index(colour)].rgb; }
Rgb rgb_of(Background background) { return kBackgroundPaints[index(background)].rgb; }
double side_of(Size size) { return kExtents[index(size)].side; }

Place place_at(int row, int column) { return static_cast<Place>(3 * row + column); }
int row_of(Place place) { return static_cast<int>(place) / 3; }
int column_of(Place place) { return static_cast<int>(place) % 3; }

Position position_of(Place place) {
  return {kRowsAndColumns[static_cast<std::size_t>(column_of(place))],
          kRowsAndColumns[static_cast<std::size_t>(row_of(place))]};
}

std::string_view word_of(Shape shape) { return kShapeWords[index(shape)]; }
std::string_view word_of(Colour colour) { return kColourPaints[index(colour)].word; }
std::string_view word_of(Background background) {
  return kBackgroundPaints[index(background)].word;
}
std::string_view word_of(Size size) { return kExtents[index(size)].word; }
std::string_view word_of(Place place) { return kPlaceWords[index(place)].word; }
std::string_view phrase_of(Place place) { return kPlaceWords[index(place)].phrase; }

std::optional<Shape> shape_of(std::string_view word) { return find_word(kShapes, word); }
std::optional<Colour> colour_of(std::string_view word) { return find_word(kColours, word); }
std::optional<Background> background_of(std::string_view word) {
  return find_word(kBackgrounds, word);
}
std::optional<Size> size_of(std::string_view word) { return find_word(kSizes, word); }

}  // namespace omr::scenes
