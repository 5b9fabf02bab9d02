// Pictures drawn as many at a time as memory takes.
#pragma once

#include <cstddef>
#include <functional>

#include "omr/pipeline/stable_diffusion_pipeline.h"

namespace omr::pipeline {

// Calls `work(first, count)` over [0, total) in order, at most limit.pictures at a time. When
// memory runs out the same pictures are tried again in halves, and the limit is lowered. False when
// one picture alone does not fit; `work` has then done those before it.
bool in_batches(std::size_t total, BatchLimit& limit,
                const std::function<void(std::size_t first, std::size_t count)>& work);

}  // namespace omr::pipeline
