// Judged pairs of pictures for one prompt.
#pragma once

#include <cstdint>
#include <string>

#include "omr/core/image.h"
#include "omr/io/json_file.h"

namespace omr::train {

struct PreferencePair {
  std::string prompt;
  Image image_0, image_1;
  double label_0 = 1;  // share of the judgement for image_0; ½ is a tie
  double weight = 1;
};

// Everything is a pure function of its arguments.
class PreferenceSource {
 public:
  virtual ~PreferenceSource() = default;
  virtual std::uint64_t size() const = 0;  // 0: without end
  // Throws Error(io), Error(format) for a picture that cannot be read.
  virtual PreferencePair pair(std::uint64_t index) const = 0;
  // What must be the same when a run is resumed.
  virtual io::Json description() const = 0;
};

}  // namespace omr::train
