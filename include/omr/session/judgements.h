// What a session says beyond itself, for models to learn from: which picture of a round was liked
// better than which, and which refinements led to an accepted picture.
#pragma once

#include <string>
#include <vector>

#include "omr/session/journal_reader.h"

namespace omr::session {

// Candidates of one round: `better` was judged above `worse`.
struct Judgement {
  std::string prompt;  // as the reward model reads it, without weights
  int round = 0;
  int picked = 1;  // of the round when the journal ends: decides the files' names (image_name)
  int better = 0;  // candidates, from 1
  int worse = 0;
  std::string better_sha256, worse_sha256;  // of the files
};

// A candidate that the user accepted stands above one that the user picked, that above a liked one,
// that above one without a word, that above a disliked one. Every pair on different steps is a
// judgement. omr's own pick is none. Throws Error(format) when the records do not fit together.
std::vector<Judgement> judgements_of(const Journal& journal);

struct AcceptedRefinement {
  std::string prompt;    // before, without weights
  std::string feedback;  // the user's words
  std::string refined;   // after, without weights
};

// The steps from the first prompt to the accepted picture: none when nothing was accepted. Steps
// that the refiner did not make (it failed, or the prompt was set by hand), and those that moved
// words to or from the negative prompt, are left out. Throws as judgements_of does.
std::vector<AcceptedRefinement> accepted_refinements(const Journal& journal);

}  // namespace omr::session
