#include "omr/train/alternating_preferences.h"

#include <algorithm>
#include <utility>

namespace omr::train {

AlternatingPreferences::AlternatingPreferences(std::unique_ptr<PreferenceSource> even,
                                               std::unique_ptr<PreferenceSource> odd)
    : even_(std::move(even)), odd_(std::move(odd)) {}

std::uint64_t AlternatingPreferences::size() const {
  const bool endless = even_->size() == 0 || odd_->size() == 0;
  return endless ? 0 : 2 * std::max(even_->size(), odd_->size());
}

PreferencePair AlternatingPreferences::pair(std::uint64_t index) const {
  const PreferenceSource& source = index % 2 == 0 ? *even_ : *odd_;
  const std::uint64_t own = index / 2;
  return source.pair(source.size() == 0 ? own : own % source.size());
}

io::Json AlternatingPreferences::description() const {
  return {{"data", "two sources, alternating"},
          {"even", even_->description()},
          {"odd", odd_->description()}};
}

}  // namespace omr::train
