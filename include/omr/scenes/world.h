// The world of the scenes: what objects and backgrounds there are, what they are called, and what
// they look like. Words, colours, sizes and places are those that the scenes pack was trained on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace omr::scenes {

enum class Shape { circle, square, triangle, star, heart, house, tree, moon };
enum class Colour { red, orange, yellow, green, blue, purple, pink, brown };
enum class Background { white, black, gray, cyan, beige, navy };
enum class Size { small, medium, large };
// Rows from the top, three columns each.
enum class Place {
  top_left,
  top,
  top_right,
  left,
  center,
  right,
  bottom_left,
  bottom,
  bottom_right
};

inline constexpr std::array kShapes = {Shape::circle, Shape::square, Shape::triangle, Shape::star,
                                       Shape::heart,  Shape::house,  Shape::tree,     Shape::moon};
inline constexpr std::array kColours = {Colour::red,   Colour::orange, Colour::yellow,
                                        Colour::green, Colour::blue,   Colour::purple,
                                        Colour::pink,  Colour::brown};
inline constexpr std::array kBackgrounds = {Background::white, Background::black, Background::gray,
                                            Background::cyan,  Background::beige, Background::navy};
inline constexpr std::array kSizes = {Size::small, Size::medium, Size::large};
inline constexpr std::array kPlaces = {Place::top_left,    Place::top,    Place::top_right,
                                       Place::left,        Place::center, Place::right,
                                       Place::bottom_left, Place::bottom, Place::bottom_right};

// 8-bit sRGB.
struct Rgb {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};

// A centre, in shares of the picture's width; y points down.
struct Position {
  double x = 0;
  double y = 0;
};

// How far an object's centre may lie from its place, on each axis, in shares of the width.
inline constexpr double kPlaceJitter = 0.03;

Rgb rgb_of(Colour colour);
Rgb rgb_of(Background background);
double side_of(Size size);            // of the object's square box, in shares of the width
Position position_of(Place place);    // its nominal centre
Place place_at(int row, int column);  // both 0 … 2
int row_of(Place place);
int column_of(Place place);

std::string_view word_of(Shape shape);            // "star"
std::string_view word_of(Colour colour);          // "red"
std::string_view word_of(Background background);  // "navy"
std::string_view word_of(Size size);              // "medium", which captions leave unsaid
std::string_view word_of(Place place);            // "top left"; "center"
std::string_view phrase_of(Place place);  // "at the top left", "on the left", "in the center"

// The other way round; nullopt for other words. Lower case.
std::optional<Shape> shape_of(std::string_view word);
std::optional<Colour> colour_of(std::string_view word);
std::optional<Background> background_of(std::string_view word);
std::optional<Size> size_of(std::string_view word);

}  // namespace omr::scenes
