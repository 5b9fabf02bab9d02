// How much of a picture changed that nobody asked to change.
#pragma once

#include <functional>
#include <optional>

#include "omr/core/image.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/judge.h"

namespace omr::eval {

// A picture and what the judge and the user's eye made of it.
struct SeenPicture {
  Image image;
  scenes::Verdict verdict;
  scenes::Comparison comparison;
};

// Root mean square difference of the pixels, in [0, 1], outside the boxes (with a margin) of those
// objects, in either picture, of which something was wrong before. nullopt when the background was
// wrong before, when the sizes differ, or when the boxes cover everything.
std::optional<double> change_elsewhere(const SeenPicture& before, const SeenPicture& now);

// Of two pictures of one size.
using PictureDistance = std::function<double(const Image&, const Image&)>;

// The distance of the two pictures with the same boxes painted black in both, so that nothing
// within them counts: as PIE-Bench measures LPIPS outside of what was edited (arXiv 2310.01506;
// cure-lab/PnPInversion, evaluation/matrics_calculator.py). nullopt where change_elsewhere() is.
std::optional<double> perceptual_change_elsewhere(const SeenPicture& before, const SeenPicture& now,
                                                  const PictureDistance& distance);

}  // namespace omr::eval
