#include "replay/turns.h"

#include <exception>
#include <thread>

namespace omr::replay {

void Turns::give(std::size_t to) {
  std::unique_lock<std::mutex> lock(mutex_);
  const std::size_t self = turn_;
  turn_ = to;
  changed_.notify_all();
  changed_.wait(lock, [&] { return turn_ == self; });
}

void Turns::wait() {
  give(kCaller);
  if (stopping_) throw Stopped{};
}

void Turns::run(const std::vector<std::function<void()>>& works,
                const std::function<void()>& serve) {
  std::vector<std::thread> threads;
  std::vector<char> ended(works.size(), 0);
  std::exception_ptr failure;
  stopping_ = false;

  const auto body = [&](std::size_t i) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return turn_ == i; });
    }
    try {
      if (!stopping_) works[i]();
    } catch (const Stopped&) {
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
    ended[i] = 1;
    const std::lock_guard<std::mutex> lock(mutex_);
    turn_ = kCaller;
    changed_.notify_all();
  };
  const auto each_goes_on = [&] {
    bool left = false;
    for (std::size_t i = 0; i < threads.size(); ++i) {
      if (ended[i] != 0) continue;
      if (failure) stopping_ = true;
      give(i);
      left |= ended[i] == 0;
    }
    return left;
  };
  try {
    for (std::size_t i = 0; i < works.size(); ++i) threads.emplace_back(body, i);
    while (each_goes_on() && !failure) serve();
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  while (failure && each_goes_on()) {
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace omr::replay
