// Pictures of scenes.
#pragma once

#include "omr/core/image.h"
#include "omr/scenes/scene.h"

namespace omr::scenes {

// A square picture of `width` pixels a side, edges antialiased by the share of the pixel that the
// object covers, mixed in sRGB; later objects over earlier ones. Throws Error(usage) for widths
// outside 8 … 4096.
Image draw_scene(const Scene& scene, int width);

}  // namespace omr::scenes
