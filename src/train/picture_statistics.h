// Plain measures of pictures, which no reward model has a part in: when a reward is hacked they
// drift (oversaturated colours, grid patterns, empty grounds).
#pragma once

#include <vector>

#include "omr/core/image.h"

namespace omr::train {

struct PictureStatistics {
  double saturation = 0;  // mean of (max − min)/max over pixels, HSV's
  double edges = 0;  // mean absolute difference to the right and lower neighbour, of 0…1 luma
};

// Means over the pictures.
PictureStatistics picture_statistics(const std::vector<Image>& pictures);

// |ln| of the ratios of both to those of a reference: 0 for the same, 0.69 for one doubled or
// halved.
double drift(const PictureStatistics& now, const PictureStatistics& reference);

}  // namespace omr::train
