// Feedback that asks for what the prompt says already: the picture was drawn wrong, and no other
// words are wanted.
#pragma once

#include <string>
#include <vector>

#include "omr/session/phrases.h"

namespace omr::session {

// Whether one wish is true of a phrase as it stands: the phrase has every word of the wish that is
// not a verb of wishing or a function word, and could be told from the others without one of them.
// "The circle should be brown" where there is "a small brown circle". Not where a word is unknown
// ("the brown circle should be bigger") or the place is another ("at the top" of "at the top
// left"), nor for feedback that adds, takes away or has a verb of change ("enlarge the brown one").
bool is_met(const std::string& wish, const std::vector<Phrase>& phrases);

}  // namespace omr::session
