// What stands in a picture: one to three objects of one colour each on a plain background.
#pragma once

#include <vector>

#include "omr/scenes/world.h"

namespace omr::scenes {

struct Object {
  Shape shape = Shape::circle;
  Colour colour = Colour::red;
  Size size = Size::medium;
  Place place = Place::center;
  Position center;  // the box's centre: position_of(place) and the jitter

  bool operator==(const Object& other) const {
    return shape == other.shape && colour == other.colour && size == other.size &&
           place == other.place;  // the jitter is not an attribute
  }
};

struct Scene {
  std::vector<Object> objects;
  Background background = Background::white;

  bool operator==(const Scene&) const = default;
};

// Between the centres of two objects that do not overlap, along one axis at least, in shares of the
// width: half of both boxes and a margin.
double least_distance(Size a, Size b);

// Whether the boxes, with a margin around them that keeps the objects apart when drawn, meet.
bool overlap(const Object& a, const Object& b);
bool has_overlap(const Scene& scene);

}  // namespace omr::scenes
