// How far two pictures are apart.
#pragma once

#include <string>

#include "omr/core/image.h"

namespace omr::replay {

struct PictureDifference {
  int max = 0;      // largest difference of a channel, 0 to 255
  double mean = 0;  // mean absolute difference, 0 to 255
  double ssim = 1;  // structural similarity, 1 for equal pictures
};

// SSIM as Wang et al. 2004 (eq. 13) with K1 = 0.01, K2 = 0.03, averaged over 7×7 windows (the whole
// side where it is shorter) and the three channels, sample covariance: scikit-image's
// structural_similarity(win_size=7, channel_axis=-1, data_range=255). Throws Error(mismatch) for
// pictures of different sizes.
PictureDifference compare_pictures(const Image& a, const Image& b);

// |a − b| brightened so that its largest value is white: for eyes.
Image amplified_difference(const Image& a, const Image& b);

}  // namespace omr::replay
