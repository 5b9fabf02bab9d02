#include "pipeline/draw_batches.h"

#include <algorithm>
#include <string>

#include "omr/core/log.h"
#include "omr/nn/memory.h"

namespace omr::pipeline {

bool in_batches(std::size_t total, BatchLimit& limit,
                const std::function<void(std::size_t first, std::size_t count)>& work) {
  for (std::size_t first = 0; first < total;) {
    const std::size_t count = std::min(limit.pictures, total - first);
    if (nn::fits_in_memory([&] { work(first, count); })) {
      first += count;
      continue;
    }
    if (count == 1) return false;
    limit.pictures = (count + 1) / 2;
    log::warn("memory ran out for " + std::to_string(count) + " pictures at once: going on with " +
              std::to_string(limit.pictures));
  }
  return true;
}

}  // namespace omr::pipeline
