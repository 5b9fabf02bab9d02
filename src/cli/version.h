// The program's name and version, as --version, golden runs and reports give it.
#pragma once

namespace omr::cli {

inline constexpr const char* kVersion = "omr 0.1.0";

}  // namespace omr::cli
