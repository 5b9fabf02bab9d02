// Feedback that asks for several things, cut into its wishes: "make the star bigger and move the
// moon to the left". A small refiner follows one wish far oftener than two at once, and what a wish
// leaves alone is more than what a sentence does.
//
// By the order of words and closed lists of verbs only: a cut lies at a semicolon, and at a comma,
// "and" or "also" behind which a wish begins, with a verb of its own. "the star and the moon" stays
// together, and so does what points back: "make the star bigger and move it".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace omr::session {

// At least one; in their order, white space trimmed.
std::vector<std::string> split_wishes(std::string_view feedback);

// A closed class of English words, folded: make, should, …
bool is_verb_of_wishes(const std::string& word);

// Whether folded words take a thing away: "remove the star", "without the star", "the star must
// go", but not "must go to the left".
bool takes_away(const std::vector<std::string>& words);

}  // namespace omr::session
