// Reads a picture of the scenes world back, from its pixels alone.
//
// The background is the median of the border. What differs from it by more than 45 in RGB is cut
// into connected regions of one colour; an object's colour is the nearest of the palette, its shape
// the outline that overlaps the region most when it has the region's area and centre of area, and
// these give its size and place.
#pragma once

#include <string>
#include <vector>

#include "omr/core/image.h"
#include "omr/scenes/scene.h"

namespace omr::scenes {

struct SeenObject {
  Object object;       // its size and place are the nearest ones; its centre is measured
  double side = 0;     // of the box, in shares of the width
  double overlap = 0;  // of region and outline: intersection over union, 1 for a perfect shape
  double colour_distance = 0;  // in RGB, from the palette's colour
};

struct Verdict {
  Background background = Background::white;
  double background_distance = 0;   // in RGB, from the palette's colour
  std::vector<SeenObject> objects;  // by rows from the top, then from the left

  Scene scene() const;
};

// At most the twelve largest objects. Throws Error(usage) for pictures under 16 pixels a side or of
// the wrong number of bytes.
Verdict judge(const Image& image);

// The verdict as a caption; a shape that overlaps its outline poorly is followed by "(?)".
std::string in_words(const Verdict& verdict);

}  // namespace omr::scenes
