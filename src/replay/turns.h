// Pieces of work that advance by turns. Each has a thread of its own, so that it can stop in its
// middle, but never do two of them run at once, nor one of them beside the thread that runs them
// all: what they share needs no locks, and what they do has one order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace omr::replay {

class Turns {
 public:
  // Lets each piece of work go on until it waits or ends, in their order; when all that are left
  // wait, `serve` is called in the caller's thread and they go on. Returns when all have ended.
  // What a piece of work or `serve` throws is thrown from here, once the other pieces were stopped
  // where they wait (by an exception that is no std::exception).
  void run(const std::vector<std::function<void()>>& works, const std::function<void()>& serve);

  // Called by a piece of work: waits until `serve` has been called.
  void wait();

 private:
  struct Stopped {};
  static constexpr std::size_t kCaller = static_cast<std::size_t>(-1);

  void give(std::size_t to);  // and waits until the turn is this thread's again

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t turn_ = kCaller;
  bool stopping_ = false;
};

}  // namespace omr::replay
