// Edits in a user's words: "make the star bigger and move it to the left".
#pragma once

#include <span>
#include <string>

#include "omr/scenes/edits.h"

namespace omr::scenes {

// One sentence, its wording drawn by lot: mostly lower case, sometimes with "please", "can you" or
// "now", sometimes with a capital and a full stop. An object is called by what `before` says of it
// and none other has: "it" when alone, "the star", "the red star", "the red one", "the one on the
// left"; never by the attribute that an edit asks for in vain ("the red one should be a star").
// Edits of praise are one of liking.
std::string feedback(const Description& before, std::span<const Edit> edits, Random& random);

// Whether words can tell the edit's object from the others.
bool can_be_told(const Description& before, const Edit& edit);

// "I like it", "looks great, keep it"; "I do not like it", "not what I had in mind".
std::string liking(Random& random);
std::string disliking(Random& random);

}  // namespace omr::scenes
