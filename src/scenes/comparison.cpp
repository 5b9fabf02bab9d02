#include "omr/scenes/comparison.h"

#include <algorithm>
#include <cmath>

namespace omr::scenes {
namespace {

Match match(bool right) { return right ? Match::right : Match::wrong; }

ObjectComparison compare_objects(const ObjectDescription& target, const Object& seen) {
  ObjectComparison result;
  result.shape = match(seen.shape == target.shape);
  result.colour = target.colour ? match(seen.colour == *target.colour) : Match::unsaid;
  result.size = match(seen.size == target.size);
  result.place = target.place ? match(seen.place == *target.place) : Match::unsaid;
  return result;
}

// Whole numbers for right attributes; what only breaks ties stays below one in sum.
double worth(const ObjectComparison& result, const ObjectDescription& target, const Object& seen) {
  const auto is_right = [](Match match) { return match == Match::right ? 1.0 : 0.0; };
  double sum = is_right(result.shape) + is_right(result.colour) + is_right(result.size) +
               is_right(result.place) + 0.1 * is_right(result.shape) +
               0.11 * is_right(result.colour);
  if (target.place) {
    const Position at = position_of(*target.place);
    sum -= 0.05 * std::hypot(at.x - seen.center.x, at.y - seen.center.y);
  }
  return sum;
}

// Tries every way of giving the target's objects different seen ones.
class Assignment {
 public:
  explicit Assignment(const std::vector<std::vector<double>>& worths) : worths_(worths) {
    current_.resize(worths.size());
    const std::size_t seen = worths.empty() ? 0 : worths.front().size();
    taken_.resize(seen);
    extend(0, 0.0);
  }

  const std::vector<std::optional<std::size_t>>& best() const { return best_; }

 private:
  void extend(std::size_t target, double sum) {
    if (target == worths_.size()) {
      if (best_.empty() || sum > best_sum_) best_ = current_, best_sum_ = sum;
      return;
    }
    for (std::size_t seen = 0; seen < taken_.size(); ++seen) {
      if (taken_[seen]) continue;
      taken_[seen] = true;
      current_[target] = seen;
      // A seen object that has nothing right is a match all the same, rather than one missing and
      // one too many.
      extend(target + 1, sum + worths_[target][seen] + 0.1);
      taken_[seen] = false;
    }
    current_[target].reset();
    extend(target + 1, sum);
  }

  const std::vector<std::vector<double>>& worths_;
  std::vector<bool> taken_;
  std::vector<std::optional<std::size_t>> current_, best_;
  double best_sum_ = 0;
};

template <class Visit>
void for_each_match(const Comparison& comparison, Visit visit) {
  visit(comparison.background);
  for (const ObjectComparison& object : comparison.objects) {
    for (Match each : {object.shape, object.colour, object.size, object.place}) visit(each);
  }
}

}  // namespace

int Comparison::right() const {
  int count = 0;
  for_each_match(*this, [&](Match each) { count += each == Match::right; });
  return count;
}

int Comparison::total() const {
  int count = static_cast<int>(extra.size());
  for_each_match(*this, [&](Match each) { count += each != Match::unsaid; });
  return count;
}

double Comparison::share_right() const {
  return total() == 0 ? 1.0 : static_cast<double>(right()) / total();
}

bool Comparison::all_right() const { return right() == total(); }

Comparison compare(const Scene& target, const Verdict& verdict) {
  return compare(describe(target), verdict);
}

Comparison compare(const Description& target, const Verdict& verdict) {
  std::vector<std::vector<double>> worths;
  for (const ObjectDescription& wanted : target.objects) {
    std::vector<double>& row = worths.emplace_back();
    for (const SeenObject& seen : verdict.objects) {
      row.push_back(worth(compare_objects(wanted, seen.object), wanted, seen.object));
    }
  }
  const Assignment assignment(worths);
  Comparison result;
  result.background =
      target.background ? match(verdict.background == *target.background) : Match::unsaid;
  std::vector<bool> matched(verdict.objects.size());
  for (std::size_t i = 0; i < target.objects.size(); ++i) {
    const std::optional<std::size_t> seen = assignment.best()[i];
    const ObjectDescription& wanted = target.objects[i];
    ObjectComparison object;
    if (seen) {
      object = compare_objects(wanted, verdict.objects[*seen].object);
      object.seen = seen;
      matched[*seen] = true;
    } else {
      if (!wanted.colour) object.colour = Match::unsaid;
      if (!wanted.place) object.place = Match::unsaid;
    }
    result.objects.push_back(object);
  }
  for (std::size_t i = 0; i < matched.size(); ++i) {
    if (!matched[i]) result.extra.push_back(i);
  }
  return result;
}

}  // namespace omr::scenes
