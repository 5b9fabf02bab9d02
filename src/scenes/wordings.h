// The sentences of a user, with gaps.
#pragma once

#include <span>
#include <string_view>

#include "omr/scenes/edits.h"

namespace omr::scenes {

// Gaps: {o} the object that is there, {v} the value asked for, {n} the object without "the", {at}
// "at the top left", {to} "to the top left", {a} "a red star on the left".
struct Wording {
  std::string_view text;
  bool imperative = true;  // "can you" may stand before it
};

std::span<const Wording> wordings_of(EditKind kind);
std::span<const std::string_view> wordings_of_disliking();

}  // namespace omr::scenes
