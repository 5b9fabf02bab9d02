// Memory that runs out deep inside libtorch is the user's problem to solve, not a bug of ours.
#pragma once

#include <new>
#include <string>

#include <c10/util/Exception.h>

#include "omr/core/error.h"

namespace omr::pipeline {

// What `work` returns; its out-of-memory exceptions become Error(resource).
template <typename Work>
auto with_memory_errors(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::resource, "out of memory; try a smaller --size or fewer --candidates");
  } catch (const c10::OutOfMemoryError&) {
    throw Error(ErrorKind::resource,
                "out of GPU memory; try a smaller --size or fewer --candidates");
  } catch (const c10::Error& error) {
    if (std::string(error.what()).find("not enough memory") == std::string::npos) throw;
    throw Error(ErrorKind::resource, "out of memory; try a smaller --size or fewer --candidates");
  }
}

}  // namespace omr::pipeline
