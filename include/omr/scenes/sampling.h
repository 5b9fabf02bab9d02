// Scenes drawn by lot.
#pragma once

#include <cstdint>

#include "omr/scenes/captions.h"
#include "omr/scenes/random.h"
#include "omr/scenes/scene.h"

namespace omr::scenes {

struct SceneOptions {
  int min_objects = 1;  // 1 … 3
  int max_objects = 3;
};

// Every number of objects, shape, colour, size and background is as likely as any other; places are
// drawn until no two objects overlap. No two objects have both shape and colour in common, so that
// words can tell them apart. Throws Error(usage) for other numbers of objects.
Scene sample_scene(Random& random, const SceneOptions& options = {});

// A scene that fits the description. What it leaves unsaid is drawn by lot, for each object on its
// own, so that with the same seed a change of one object leaves the others as they were, unless it
// needs their room. Objects overlap only where no way was found to keep them apart.
Scene scene_of(const Description& description, std::uint64_t seed);

// Within the jitter of its place, the box within the picture.
Position sample_center(Place place, Size size, Random& random);

// Whether any two objects whose places are said can stand side by side.
bool fits(const Description& description);

// Gives the objects from `first` on that lie within others a new jitter. False, and the scene as it
// was, when they find no room.
bool make_room(Scene& scene, std::size_t first, Random& random);

}  // namespace omr::scenes
