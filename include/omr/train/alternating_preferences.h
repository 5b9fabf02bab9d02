// Two sources of judged pairs, a pair of one and then a pair of the other.
#pragma once

#include <memory>

#include "omr/train/preference_source.h"

namespace omr::train {

class AlternatingPreferences : public PreferenceSource {
 public:
  // A source that ends begins again; the whole has an end only where both have one, after as many
  // pairs of each as the longer has.
  AlternatingPreferences(std::unique_ptr<PreferenceSource> even,
                         std::unique_ptr<PreferenceSource> odd);

  std::uint64_t size() const override;
  PreferencePair pair(std::uint64_t index) const override;
  io::Json description() const override;

 private:
  std::unique_ptr<PreferenceSource> even_, odd_;
};

}  // namespace omr::train
