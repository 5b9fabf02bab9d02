// The omr::Error that a piece of work ends in.
#pragma once

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "omr/core/error.h"

namespace omr {

// Fails the test when `work` ends in anything else.
template <typename Work>
Error error_of(Work&& work) {
  try {
    std::forward<Work>(work)();
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "expected an omr::Error, got: " << error.what();
    return Error(ErrorKind::cancelled, "");
  }
  ADD_FAILURE() << "expected an omr::Error, got none";
  return Error(ErrorKind::cancelled, "");
}

inline bool says(const Error& error, const std::string& part) {
  return std::string(error.what()).find(part) != std::string::npos;
}

}  // namespace omr
