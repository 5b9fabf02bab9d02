#include "omr/eval/dialogue_trace.h"

#include <algorithm>

namespace omr::eval {
namespace {

using scenes::Match;

void count(Kept& kept, Match before, Match now) {
  if (before != Match::right) return;
  ++kept.held;
  if (now == Match::wrong) ++kept.broken;
}

}  // namespace

Kept kept_attributes(const scenes::Comparison& before, const scenes::Comparison& now) {
  Kept kept;
  count(kept, before.background, now.background);
  for (std::size_t i = 0; i < std::min(before.objects.size(), now.objects.size()); ++i) {
    count(kept, before.objects[i].shape, now.objects[i].shape);
    count(kept, before.objects[i].colour, now.objects[i].colour);
    count(kept, before.objects[i].size, now.objects[i].size);
    count(kept, before.objects[i].place, now.objects[i].place);
  }
  return kept;
}

}  // namespace omr::eval
