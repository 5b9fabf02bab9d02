#include "omr/eval/value_shares.h"

#include <algorithm>
#include <string_view>

#include "omr/scenes/world.h"

#include "eval/figures.h"

namespace omr::eval {

using scenes::Match;

namespace {

template <class Shares>
std::string listed(const Shares& shares) {
  std::string out;
  for (const auto& [name, share] : shares)
    out += (out.empty() ? "" : ", ") + name + " " + percent(share.value());
  return out;
}

}  // namespace

void count_values(ValueShares& shares, const scenes::Scene& target,
                  const scenes::Comparison& comparison) {
  const auto add = [&](const std::string& kind, std::string_view value, Match match) {
    if (match == Match::unsaid) return;
    Share& share = shares[kind + " " + std::string(value)];
    ++share.of;
    share.right += match == Match::right ? 1 : 0;
  };
  add("background", scenes::word_of(target.background), comparison.background);
  const std::size_t objects = std::min(target.objects.size(), comparison.objects.size());
  for (std::size_t i = 0; i < objects; ++i) {
    const scenes::Object& object = target.objects[i];
    add("shape", scenes::word_of(object.shape), comparison.objects[i].shape);
    add("colour", scenes::word_of(object.colour), comparison.objects[i].colour);
    add("size", scenes::word_of(object.size), comparison.objects[i].size);
    add("place", scenes::word_of(object.place), comparison.objects[i].place);
  }
}

ValueShares by_kind(const ValueShares& shares) {
  ValueShares out;
  for (const auto& [value, share] : shares) {
    Share& all = out[value.substr(0, value.find(' '))];
    all.right += share.right;
    all.of += share.of;
  }
  return out;
}

std::vector<std::pair<std::string, Share>> weakest_values(const ValueShares& shares,
                                                          std::size_t count) {
  std::vector<std::pair<std::string, Share>> values(shares.begin(), shares.end());
  std::stable_sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return a.second.value() < b.second.value();
  });
  values.resize(std::min(values.size(), count));
  return values;
}

std::string in_words(const ValueShares& shares) { return listed(shares); }

std::string weakest_in_words(const ValueShares& shares) {
  constexpr std::size_t kShown = 6;
  return listed(weakest_values(shares, kShown));
}

}  // namespace omr::eval
