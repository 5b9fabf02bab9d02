// What the process returns (README, "Exit codes").
#pragma once

#include "omr/core/error.h"

namespace omr {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitDifference = 3,     // `omr replay --check` found one
  kExitInterrupted = 130,  // 128 + SIGINT, as shells expect
};

constexpr ExitCode exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kExitUsage;
    case ErrorKind::cancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

}  // namespace omr
