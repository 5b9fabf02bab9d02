// What shows that a refiner's answer is not what was asked for, without knowing what was meant.
#pragma once

#include <string>

#include "omr/session/language_model.h"

namespace omr::session {

// Whether the answer has fewer things than the prompt although the feedback wanted none of the lost
// ones gone: "remove the blue tree" does not mean a purple one.
bool loses_what_was_not_meant(const std::string& prompt, const std::string& feedback,
                              const std::string& answer);

// One each when nothing changed although a thing that is there was named and not praised and is not
// as the feedback wants it (met_wishes.h), when something changed although it is so, when a
// thing went that was not meant, when one came a second time or in place of another unasked. Of an
// answer in which keep_unspoken() has put back what the feedback leaves alone; the prompt is plain
// text.
int faults_that_show(const std::string& prompt, const std::string& feedback,
                     const Refinement& answer);

}  // namespace omr::session
