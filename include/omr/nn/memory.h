// Memory that runs out deep inside libtorch: recognised, and recovered from.
#pragma once

#include <exception>
#include <functional>
#include <string>

namespace omr::nn {

// Whether `error` says that memory ran out: std::bad_alloc, c10::OutOfMemoryError (CUDA), or what
// libtorch's CPU allocator throws.
bool is_out_of_memory(const std::exception_ptr& error);

// Runs `work`; false when memory ran out in it. By then the handler has been left, so that nothing
// is held by the exception, and unused blocks went back to the device: the work may be tried again
// with less. Other exceptions pass.
bool fits_in_memory(const std::function<void()>& work);

// Throws Error(resource): memory ran out, and `advice` says what to do, as an imperative.
[[noreturn]] void throw_out_of_memory(const std::string& advice);

// What `work` returns; Error(resource) with `advice` when memory runs out in it.
template <typename Work>
auto with_memory_errors(const std::string& advice, const Work& work) -> decltype(work()) {
  std::exception_ptr failure;
  try {
    return work();
  } catch (...) {
    failure = std::current_exception();
  }
  if (is_out_of_memory(failure)) {
    failure = nullptr;
    throw_out_of_memory(advice);
  }
  std::rethrow_exception(failure);
}

}  // namespace omr::nn
