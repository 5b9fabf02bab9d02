// The one exception of omr. Parts throw it; main() catches it once and maps its kind to an exit
// code.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace omr {

enum class ErrorKind {
  usage,      // the command line or a session command is wrong: exit code 2
  io,         // a file could not be read or written: 1
  format,     // a file is not what its format says: 1
  mismatch,   // two things that must fit do not (a LoRA for another width): 1
  resource,   // memory or disk ran out: 1
  cancelled,  // the user interrupted: 130
};

// The message is one sentence or two: what failed, where (path, tensor, byte), expected against
// found, what to do. `in(context)` puts an outer place in front while the error travels up.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string message)
      : std::runtime_error(std::move(message)), kind_(kind) {}

  ErrorKind kind() const { return kind_; }
  Error in(const std::string& context) const { return Error(kind_, context + ": " + what()); }

 private:
  ErrorKind kind_;
};

}  // namespace omr
