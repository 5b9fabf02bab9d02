// A user with a picture in mind, for counting the rounds until it is there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omr/core/image.h"
#include "omr/scenes/comparison.h"
#include "omr/scenes/edits.h"
#include "omr/scenes/sampling.h"

namespace omr::scenes {

struct SimulatedUserOptions {
  SceneOptions target = {2, 3};
  CaptionOptions opening = {0.5, 0.5, 0.0, 0.5};  // what the first prompt leaves out
  int max_rounds = 15;
  double reaction = 0.1;        // of a like or dislike instead of feedback
  double two_at_once = 0.7;     // of naming two differences where there are as many
  double wrong = 0.0;           // of feedback that asks for something not wanted
  double change_of_mind = 0.0;  // of wanting one attribute otherwise, once, within rounds 2 to 4
  // Never accepts: whenever all is right, one attribute is wanted otherwise, so that a dialogue
  // always has max_rounds rounds.
  bool restless = false;
};

enum class ReplyKind { feedback, like, dislike, accept, give_up };

struct Reply {
  ReplyKind kind = ReplyKind::feedback;
  std::string text;       // one sentence; empty for accept and give_up
  Comparison comparison;  // of the picture with what the user wants; the user's own knowledge
  bool wrong = false;     // the feedback asks for something not wanted
};

// Pure and seeded: the same pictures get the same answers.
class SimulatedUser {
 public:
  // User `index` of the endless source `seed`. Throws Error(usage) for options out of range.
  SimulatedUser(std::uint64_t seed, std::uint64_t index, const SimulatedUserOptions& options = {});

  const Scene& target() const { return target_; }
  // Names each object's shape and colour.
  const std::string& opening() const { return opening_; }
  int round() const { return round_; }  // pictures seen
  // What one who understood every word would know, objects in the target's order.
  const Description& told() const { return told_; }

  // The answer to the next round's picture, which the user sees through judge() alone: about at
  // most two differences, in words; accept when there are none; give_up in the last round. Throws
  // as judge() does.
  // What of the picture is right, as the user wants it at this moment; says nothing.
  Comparison see(const Verdict& verdict) const { return compare(target_, verdict); }

  Reply look_at(const Image& image);
  Reply look_at(const Verdict& verdict);

 private:
  std::vector<Edit> wishes(const Comparison& comparison, const Verdict& verdict);
  Edit wish_for_size(std::size_t object, Size seen);

  SimulatedUserOptions options_;
  Random random_;
  Scene target_;
  Description told_;
  std::string opening_;
  int round_ = 0;
  int change_in_round_ = 0;  // 0: never
};

}  // namespace omr::scenes
