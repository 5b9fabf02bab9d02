// What of a target a picture shows.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "omr/scenes/captions.h"
#include "omr/scenes/judge.h"

namespace omr::scenes {

enum class Match { unsaid, right, wrong };

// For one object of the target. Of a missing object everything said is wrong.
struct ObjectComparison {
  std::optional<std::size_t> seen;  // index in Verdict::objects; nullopt when it is missing
  Match shape = Match::wrong;
  Match colour = Match::wrong;
  Match size = Match::wrong;
  Match place = Match::wrong;
};

struct Comparison {
  Match background = Match::wrong;
  std::vector<ObjectComparison> objects;  // in the target's order
  std::vector<std::size_t> extra;         // seen objects that the target does not have

  int right() const;
  // Attributes that the target says something of; every extra object is one more, never right.
  int total() const;
  double share_right() const;  // 1 for a target that says nothing
  bool all_right() const;
};

// Seen objects are matched with the target's so that most attributes are right; among equals those
// with the same shape and colour, then the nearest.
Comparison compare(const Scene& target, const Verdict& verdict);
// Against what a caption says: what it leaves unsaid does not count. Sizes always count, since a
// caption says nothing of the medium size.
Comparison compare(const Description& target, const Verdict& verdict);

}  // namespace omr::scenes
