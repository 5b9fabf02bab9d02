// A request to stop, polled between denoising steps and between tokens.
#pragma once

#include <atomic>

namespace omr {

// Set from a signal handler, hence lock-free; read by the work. One process has one user at one
// keyboard, so cli owns one flag and hands out references.
class Cancellation {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  void clear() noexcept { requested_.store(false, std::memory_order_relaxed); }
  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

  // Throws Error(cancelled) when a stop was requested.
  void check() const;

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace omr
