// The two clocks that a session reads.
#pragma once

#include <string>

namespace omr::session {

class Clock {
 public:
  virtual ~Clock() = default;

  virtual std::string now() = 0;  // UTC, ISO 8601: 2026-01-31T12:00:00Z
  virtual double seconds() = 0;   // monotonic, from an arbitrary start
};

}  // namespace omr::session
