#include "omr/core/cancellation.h"

#include "omr/core/error.h"

namespace omr {

void Cancellation::check() const {
  if (requested()) throw Error(ErrorKind::cancelled, "interrupted");
}

}  // namespace omr
