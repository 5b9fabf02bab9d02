// What feedback leaves alone stays in the prompt. A refiner forgets phrases, or alters one of which
// the user said nothing; the picture would then change where nobody asked.
//
// By general English word order and closed-class words only, as phrases.h:
// - a phrase is spoken of when the feedback names its head noun ("the star"), together with the
//   attributes said beside it ("the red star" is not the blue one);
// - "one" stands for a noun: then every phrase that shares a word with the feedback is spoken of;
// - "everything", "the whole picture" may mean any phrase, so all are spoken of; so may "it" where
//   nothing is named before it ("make the star bigger and move it" moves the star);
// - feedback that adds something ("add a moon", "there should also be a moon") speaks of none;
// - of other feedback that names nothing all may be meant: "at night".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "omr/session/phrases.h"

namespace omr::session {

// Whether the feedback may speak of each phrase of the prompt that it is about.
std::vector<bool> phrases_spoken_of(const std::vector<Phrase>& phrases, std::string_view feedback);

struct KeptPrompt {
  std::string text;
  std::vector<std::string> restored;  // phrases that the answer had lost or altered
};

// `answer` with every phrase of `before` of which the feedback does not speak: an altered one is
// put back in its place, a lost one behind its neighbour. Plain texts, without weight syntax.
KeptPrompt keep_unspoken(const std::string& before, const std::string& feedback,
                         const std::string& answer);

}  // namespace omr::session
