// What fuzz targets have in common: hostile input ends in a value or in an omr::Error that says
// something, and in nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "omr/core/error.h"
#include "omr/core/utf8.h"

namespace omr::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

template <typename Work>
void expect_value_or_error(Work&& work) {
  try {
    std::forward<Work>(work)();
  } catch (const Error& error) {
    const std::string what = error.what();
    if (!what.empty() && what.size() < 20000) return;
    std::fprintf(stderr, "an error of %zu bytes\n", what.size());
    std::abort();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "not an omr::Error: %s\n", error.what());
    std::abort();
  }
}

}  // namespace omr::fuzz
