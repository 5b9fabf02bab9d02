// What shows that a refiner's answer is not what was asked for, without knowing what was meant.
#pragma once

#include <string>

#include "omr/session/language_model.h"

namespace omr::session {

// One each when nothing changed although a thing was named and not praised, when a thing went that
// the feedback wanted to stay or did not speak of, when one came a second time unasked. Of an
// answer in which keep_unspoken() has put back what the feedback leaves alone; the prompt is plain
// text.
int faults_that_show(const std::string& prompt, const std::string& feedback,
                     const Refinement& answer);

}  // namespace omr::session
