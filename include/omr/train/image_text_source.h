// Pictures with captions to train on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "omr/core/image.h"
#include "omr/io/json_file.h"

namespace omr::train {

// How much of what a caption says a picture shows.
struct Judgement {
  int right = 0;  // attributes
  int total = 0;
};

// What differs from a picture and its caption in one thing only.
struct HardNegative {
  std::string text;
  std::optional<Image> image;  // what `text` is the caption of, where the source has it
};

// Everything is a pure function of its arguments.
class ImageTextSource {
 public:
  virtual ~ImageTextSource() = default;

  // Number of pictures; 0 when there is no end of them.
  virtual std::uint64_t size() const = 0;
  // Throws Error(format) for a file that is no picture.
  virtual Image image(std::uint64_t index) const = 0;
  // `variant` picks among the captions that fit the picture, where the source can say it in several
  // ways.
  virtual std::string text(std::uint64_t index, std::uint64_t variant) const = 0;
  // Of text(index, variant): a caption that is wrong about the picture in one thing only; nullopt
  // where the source has none.
  virtual std::optional<HardNegative> hard_negative(std::uint64_t index,
                                                    std::uint64_t variant) const = 0;
  // Of a picture that was drawn for text(index, variant); nullopt where the source cannot judge.
  virtual std::optional<Judgement> judge(std::uint64_t /*index*/, std::uint64_t /*variant*/,
                                         const Image& /*drawn*/) const {
    return std::nullopt;
  }
  // What must be the same when a run is resumed.
  virtual io::Json description() const = 0;
};

}  // namespace omr::train
