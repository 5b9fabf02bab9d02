#include "omr/scenes/sampling.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "omr/core/error.h"

namespace omr::scenes {
namespace {

constexpr int kMostObjects = 3;
constexpr int kLayoutTries = 200;  // of a layout; the fullest scenes need about twenty

// Where centres of a size may lie along one axis.
struct Range {
  double from = 0;
  double to = 0;
};

Range range_of(double nominal, Size size) {
  const double half = side_of(size) / 2;
  return {std::max(nominal - kPlaceJitter, half), std::min(nominal + kPlaceJitter, 1 - half)};
}

bool meets_others(const Scene& scene, std::size_t index) {
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    if (i != index && overlap(scene.objects[i], scene.objects[index])) return true;
  }
  return false;
}

bool has_twin(const Scene& scene, const Object& object) {
  return std::any_of(scene.objects.begin(), scene.objects.end(), [&](const Object& other) {
    return other.shape == object.shape && other.colour == object.colour;
  });
}

// The same for an object of this name in every description of one seed.
Random random_of(const ObjectDescription& object, std::uint64_t seed) {
  const auto shape = static_cast<std::uint64_t>(object.shape);
  const auto colour = object.colour ? static_cast<std::uint64_t>(*object.colour) : kColours.size();
  return Random(seed, 1 + shape * (kColours.size() + 1) + colour);
}

// Places the objects one after the other, those with a said place first. False when one of them
// overlaps another; it then lies where it was drawn last.
bool place_in_turn(const Description& description, Scene& scene, std::vector<Random>& lots) {
  constexpr int kTriesInTurn = 50;
  Scene placed;
  bool apart = true;
  for (bool said : {true, false}) {
    for (std::size_t i = 0; i < scene.objects.size(); ++i) {
      const std::optional<Place>& place = description.objects[i].place;
      if (place.has_value() != said) continue;
      Object& object = scene.objects[i];
      placed.objects.push_back(object);
      bool meets = true;
      for (int tries = 0; tries < kTriesInTurn && meets; ++tries) {
        object.place = said ? *place : lots[i].pick(kPlaces);
        object.center = sample_center(object.place, object.size, lots[i]);
        placed.objects.back() = object;
        meets = meets_others(placed, placed.objects.size() - 1);
      }
      apart = apart && !meets;
    }
  }
  return apart;
}

}  // namespace

Scene sample_scene(Random& random, const SceneOptions& options) {
  if (options.min_objects < 1 || options.max_objects < options.min_objects ||
      options.max_objects > kMostObjects) {
    throw Error(ErrorKind::usage, "a scene has 1 to " + std::to_string(kMostObjects) +
                                      " objects, not " + std::to_string(options.min_objects) +
                                      " to " + std::to_string(options.max_objects));
  }
  Scene scene;
  const auto spread = static_cast<std::size_t>(options.max_objects - options.min_objects + 1);
  const std::size_t count = static_cast<std::size_t>(options.min_objects) + random.below(spread);
  while (scene.objects.size() < count) {
    Object object;
    object.shape = random.pick(kShapes);
    object.colour = random.pick(kColours);
    object.size = random.pick(kSizes);
    if (!has_twin(scene, object)) scene.objects.push_back(object);
  }
  scene.background = random.pick(kBackgrounds);
  // Sizes stay as they were drawn: only places are drawn anew, or small objects would prevail.
  do {
    for (Object& object : scene.objects) {
      object.place = random.pick(kPlaces);
      object.center = sample_center(object.place, object.size, random);
    }
  } while (has_overlap(scene));
  return scene;
}

Scene scene_of(const Description& description, std::uint64_t seed) {
  Scene scene;
  scene.background = description.background.value_or(Random(seed).pick(kBackgrounds));
  std::vector<Random> lots;
  for (const ObjectDescription& said : description.objects) {
    lots.push_back(random_of(said, seed));
    const Colour colour = lots.back().pick(kColours);
    scene.objects.push_back(
        {said.shape, said.colour.value_or(colour), said.size, Place::center, {}});
  }
  for (int tries = 0; tries < kLayoutTries && !place_in_turn(description, scene, lots); ++tries) {
  }
  return scene;
}

Position sample_center(Place place, Size size, Random& random) {
  const Position nominal = position_of(place);
  const Range columns = range_of(nominal.x, size), rows = range_of(nominal.y, size);
  const double x = random.uniform(columns.from, columns.to);
  return {x, random.uniform(rows.from, rows.to)};
}

bool fits(const Description& description) {
  const auto farthest = [](double a, Size size_a, double b, Size size_b) {
    const Range one = range_of(a, size_a), other = range_of(b, size_b);
    return std::max(other.to - one.from, one.to - other.from);
  };
  const std::vector<ObjectDescription>& objects = description.objects;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!objects[i].place || !objects[j].place) continue;
      const Size a = objects[i].size, b = objects[j].size;
      const Position at_a = position_of(*objects[i].place), at_b = position_of(*objects[j].place);
      if (std::max(farthest(at_a.x, a, at_b.x, b), farthest(at_a.y, a, at_b.y, b)) <
          least_distance(a, b)) {
        return false;
      }
    }
  }
  return true;
}

bool make_room(Scene& scene, std::size_t first, Random& random) {
  Scene moved = scene;
  for (int tries = 0; tries < kLayoutTries; ++tries) {
    if (!has_overlap(moved)) {
      scene = moved;
      return true;
    }
    for (std::size_t i = first; i < moved.objects.size(); ++i) {
      Object& object = moved.objects[i];
      if (meets_others(moved, i)) object.center = sample_center(object.place, object.size, random);
    }
  }
  return false;
}

}  // namespace omr::scenes
